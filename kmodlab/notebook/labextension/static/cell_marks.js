// SPDX-License-Identifier: GPL-2.0-or-later
// Collects the marks in the outputs of a notebook's cells, and gives each to the cell that it is about. Those of the
// check while a cell is written are added, except on lines that have a mark already.
import { forEachCodeCell } from './cells.js';

export class CellMarks {
  /** Cells whose editors can show marks. */
  #ready = new WeakSet();
  /** Notebooks that are updated soon. */
  #waiting = new WeakSet();
  /** Cells and their marks of the check while they are written. */
  #live = new WeakMap();

  /** @param marks what `makeMarks` returns */
  constructor(marks) {
    this.marks = marks;
  }

  /**
   * Watch a notebook's cells, those that come later too.
   * @param notebook the widget Notebook
   */
  watch(notebook) {
    forEachCodeCell(notebook, cell => {
      cell.model.outputs.changed.connect(() => this.#schedule(notebook));
      cell.ready.then(() => this.#schedule(notebook));
    });
  }

  /**
   * Show what the check of a cell's present text found, in the place of what it found before.
   * @param notebook the widget Notebook
   * @param cell the widget of the cell
   * @param {object[]} marks
   */
  showLive(notebook, cell, marks) {
    this.#live.set(cell, marks);
    this.#schedule(notebook);
  }

  /** Update before the next frame is drawn: a module that prints a lot changes its output much more often. */
  #schedule(notebook) {
    if (!this.#waiting.has(notebook)) {
      this.#waiting.add(notebook);
      requestAnimationFrame(() => {
        this.#waiting.delete(notebook);
        this.#update(notebook);
      });
    }
  }

  #update(notebook) {
    const cells = notebook.isDisposed ? [] : notebook.widgets.filter(cell => cell.model?.type === 'code');
    const marks = new Map(cells.map(cell => [cell, []]));
    for (const cell of cells) {
      for (const mark of marksOf(cell.model.outputs)) {
        const owner = mark.file ? cells.findLast(other => holds(other, mark.file)) : cell;
        marks.get(owner)?.push(mark);
      }
    }
    for (const [cell, fromOutputs] of marks) {
      const live = this.#live.get(cell) ?? [];
      const own = [...fromOutputs, ...live.filter(mark => !fromOutputs.some(other => isSameLine(mark, other)))];
      const editor = cell.editor?.editor;
      if (editor && (own.length || this.#ready.has(editor))) {
        if (!this.#ready.has(editor)) {
          this.#ready.add(editor);
          cell.editor.injectExtension(this.marks.extension);
        }
        this.marks.show(editor, own);
      }
    }
  }
}

/** The marks in a cell's outputs. */
function marksOf(outputs) {
  const marks = [];
  for (let number = 0; number < outputs.length; number++) {
    marks.push(...(outputs.get(number).metadata?.kmodlab?.marks ?? []));
  }
  return marks;
}

const isSameLine = (mark, other) => mark.line === other.line && mark.text === other.text;

/** Whether a cell's magic gives its text this name. */
function holds(cell, file) {
  const first = cell.model.sharedModel.getSource().split('\n', 1)[0].split(/\s+/);
  return ['%%kfile', '%%intree'].includes(first[0]) && first.includes(file);
}
