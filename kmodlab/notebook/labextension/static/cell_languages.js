// SPDX-License-Identifier: GPL-2.0-or-later
// Gives each cell of a notebook the language that its first line says, and the kernel's indentation.
import { forEachCodeCell } from './cells.js';
import { isOurs, mimeOf } from './languages.js';

// Documentation/process/coding-style.rst, "Indentation".
const KERNEL_STYLE = { indentUnit: 'Tab', tabSize: 8 };

export class CellLanguages {
  /**
   * Watch a notebook's cells, those that come later too.
   * @param notebook the widget Notebook
   */
  watch(notebook) {
    forEachCodeCell(notebook, cell => this.#watchCell(notebook, cell));
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
      cell.ready.then(() => cell.editor?.setOptions(KERNEL_STYLE));
    } else if (!mime && isOurs(cell.model.mimeType)) {
      cell.model.mimeType = notebook.codeMimetype;
      cell.ready.then(() => cell.editor?.setOptions(notebook.editorConfig.code));
    }
  }
}
