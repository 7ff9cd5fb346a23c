// SPDX-License-Identifier: GPL-2.0-or-later
// Gives each cell of a notebook the language that its first line says, and the kernel's indentation.
import { isOurs, mimeOf } from './languages.js';

// Documentation/process/coding-style.rst, "Indentation".
const KERNEL_STYLE = { indentUnit: 'Tab', tabSize: 8 };

export class CellLanguages {
  /** Cells that are watched. */
  #cells = new WeakSet();

  /**
   * Watch a notebook's cells, those that come later too.
   * @param notebook the widget Notebook
   */
  watch(notebook) {
    const look = () => notebook.widgets.forEach(cell => this.#watchCell(notebook, cell));
    look();
    notebook.modelContentChanged.connect(look);
    notebook.modelChanged.connect(look);
  }

  #watchCell(notebook, cell) {
    if (this.#cells.has(cell) || cell.model.type !== 'code') {
      return;
    }
    this.#cells.add(cell);
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
