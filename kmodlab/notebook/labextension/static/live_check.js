// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the C of a cell soon after it was edited, if the reader wants that: what clang says is marked until the cell is
// run, and gcc says it.
import { isC } from './languages.js';

const DELAY_MS = 700;

export class LiveCheck {
  #isOn = false;
  /** The cells with marks, and their notebooks. */
  #marked = new Map();

  /** @param {import('./cell_marks.js').CellMarks} marks */
  constructor(marks) {
    this.marks = marks;
  }

  /** Check cells from their next edit on, or no more. */
  set isOn(isOn) {
    this.#isOn = isOn;
    if (!isOn) {
      [...this.#marked].forEach(([cell, notebook]) => this.#show(notebook, cell, []));
    }
  }

  /**
   * Watch a cell.
   * @param notebook the widget Notebook
   * @param cell the widget of the cell
   * @param {import('./questions.js').Questions} questions
   */
  watch(notebook, cell, questions) {
    let turn = 0;
    const check = async own => {
      if (own !== turn || !this.#isOn || cell.isDisposed || !isC(cell.model.mimeType)) {
        return;
      }
      const code = cell.model.sharedModel.getSource();
      const answer = await questions.ask({ ask: 'check', code, offset: code.length });
      if (own === turn && this.#isOn && !cell.isDisposed) {
        this.#show(notebook, cell, answer?.marks ?? []);
      }
    };
    cell.model.contentChanged.connect(() => {
      setTimeout(check, DELAY_MS, ++turn);
    });
    cell.model.stateChanged.connect((_model, change) => {
      if (change.name === 'executionCount') {
        ++turn;
        this.#show(notebook, cell, []);
      }
    });
    cell.disposed.connect(() => this.#marked.delete(cell));
  }

  #show(notebook, cell, marks) {
    const had = this.#marked.delete(cell);
    if (marks.length) {
      this.#marked.set(cell, notebook);
    }
    if (had || marks.length) {
      this.marks.showLive(notebook, cell, marks);
    }
  }
}
