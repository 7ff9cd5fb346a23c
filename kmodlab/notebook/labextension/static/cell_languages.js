// SPDX-License-Identifier: GPL-2.0-or-later
// Gives each cell of a notebook the language that its first line says, and the kernel's indentation.
import { forEachCodeCell } from './cells.js';
import { isOurs, mimeOf } from './languages.js';

export class CellLanguages {
  #notebooks = new Set();
  #tabSize = 8; // Documentation/process/coding-style.rst, "Indentation"

  /**
   * Watch a notebook's cells, those that come later too.
   * @param notebook the widget Notebook
   */
  watch(notebook) {
    this.#notebooks.add(notebook);
    notebook.disposed.connect(() => this.#notebooks.delete(notebook));
    forEachCodeCell(notebook, cell => this.#watchCell(notebook, cell));
  }

  /**
   * Give tabs another width, in the cells that are there and in those that come.
   * @param {number} columns
   */
  setTabSize(columns) {
    this.#tabSize = columns;
    for (const notebook of this.#notebooks) {
      notebook.widgets.filter(cell => isOurs(cell.model.mimeType)).forEach(cell => this.#indent(cell));
    }
  }

  #indent(cell) {
    cell.ready.then(() => cell.editor?.setOptions({ indentUnit: 'Tab', tabSize: this.#tabSize }));
  }

  #watchCell(notebook, cell) {
    const update = () => this.#update(notebook, cell);
    cell.model.contentChanged.connect(update);
    cell.model.mimeTypeChanged.connect(update); // JupyterLab gives all cells the ipykernel's language
    cell.disposed.connect(() => cell.model?.contentChanged.disconnect(update));
    update();
  }

  #update(notebook, cell) {
    if (cell.isDisposed) {
      return;
    }
    const mime = mimeOf(cell.model.sharedModel.getSource());
    if (mime && cell.model.mimeType !== mime) {
      cell.model.mimeType = mime;
      this.#indent(cell);
    } else if (!mime && isOurs(cell.model.mimeType)) {
      cell.model.mimeType = notebook.codeMimetype;
      cell.ready.then(() => cell.editor?.setOptions(notebook.editorConfig.code));
    }
  }
}
