// SPDX-License-Identifier: GPL-2.0-or-later
// Marks in a cell's editor: the lines that the outputs of cells are about, underlined, with a dot in the margin. What is
// wrong, and the hint, are in a tooltip; F8 goes from one to the next and reads it out. A mark goes away when its line
// is edited.
import { bubble } from './bubble.js';

/**
 * A mark, as kmodlab writes it into an output's metadata (kmodlab/notebook/render/parts.py, LineMark).
 * @typedef {{file: string, line: number, text: string, severity: string, message: string, hint: string,
 *   at: number | null}} Mark
 */

/**
 * What an editor needs to show marks: an extension of CodeMirror, and a function that sets an editor's marks.
 * @param codemirror the packages @codemirror/state and @codemirror/view
 */
export function makeMarks({ state, view }) {
  const { StateEffect, StateField, RangeSet } = state;
  const { Decoration, EditorView, GutterMarker, gutter, hoverTooltip, keymap } = view;
  const set = StateEffect.define();

  const field = StateField.define({
    create: () => Decoration.none,
    update(marks, transaction) {
      let current = transaction.docChanged ? withoutEdited(marks.map(transaction.changes), transaction) : marks;
      for (const effect of transaction.effects) {
        if (effect.is(set)) {
          current = Decoration.set(effect.value.flatMap(mark => place(transaction.state.doc, mark)), true);
        }
      }
      return current;
    },
    provide: own => EditorView.decorations.from(own)
  });

  /** The decoration of a mark; none if its line was changed since. */
  function place(doc, mark) {
    if (mark.line > doc.lines) {
      return [];
    }
    const line = doc.line(mark.line);
    if (line.text !== mark.text || !line.length) {
      return [];
    }
    const indent = line.text.length - line.text.trimStart().length;
    const word = mark.at === null ? null : /^\w+/.exec(line.text.slice(mark.at));
    const from = line.from + (word ? mark.at : Math.min(indent, line.length - 1));
    const to = word ? from + word[0].length : line.to;
    return [Decoration.mark({ class: `km-squiggle km-${mark.severity}`, mark }).range(from, to)];
  }

  /** The marks whose lines were not edited. */
  function withoutEdited(marks, transaction) {
    const doc = transaction.state.doc;
    const edited = [];
    transaction.changes.iterChangedRanges((_fromA, _toA, from, to) => {
      edited.push([doc.lineAt(from).from, doc.lineAt(to).to]);
    });
    return marks.update({ filter: (from, to) => !edited.some(([start, end]) => from <= end && to >= start) });
  }

  /** All marks of an editor in their order: {from, to, mark}. */
  function all(editor) {
    const found = [];
    editor.field(field).between(0, editor.doc.length, (from, to, { spec }) => {
      found.push({ from, to, mark: spec.mark });
    });
    return found;
  }

  class Dot extends GutterMarker {
    constructor(mark) {
      super();
      this.mark = mark;
    }
    toDOM() {
      const dot = document.createElement('span');
      dot.className = `km-dot km-${this.mark.severity}`;
      dot.title = words(this.mark);
      return dot;
    }
  }

  const dots = gutter({
    class: 'km-margin',
    markers: ({ state: editor }) => {
      const first = new Map();
      for (const { from, mark } of all(editor)) {
        const start = editor.doc.lineAt(from).from;
        first.set(start, first.get(start) ?? new Dot(mark).range(start));
      }
      return RangeSet.of([...first.values()], true);
    }
  });

  const tooltip = hoverTooltip((editor, position) => {
    const found = all(editor.state).find(({ from, to }) => from <= position && position <= to);
    return found ? { pos: found.from, end: found.to, above: true, create: () => ({ dom: bubble(words(found.mark)) }) } : null;
  });

  function go(editor) {
    const marks = all(editor.state);
    if (!marks.length) {
      return false;
    }
    const { head } = editor.state.selection.main;
    const next = marks.find(({ from }) => from > head) ?? marks[0];
    editor.dispatch({
      selection: { anchor: next.from },
      scrollIntoView: true,
      effects: EditorView.announce.of(words(next.mark))
    });
    return true;
  }

  const theme = EditorView.baseTheme({
    '.km-squiggle': { textDecoration: 'underline wavy', textDecorationSkipInk: 'none', textUnderlineOffset: '3px' },
    '.km-squiggle.km-error': { textDecorationColor: 'var(--jp-error-color1, #b00020)' },
    '.km-squiggle.km-warning': { textDecorationColor: 'var(--jp-warn-color1, #b35900)' },
    '.km-squiggle.km-note': { textDecorationColor: 'var(--jp-info-color1, #00639c)' },
    '.km-margin': { width: '0.8em' },
    '.km-dot': { display: 'block', width: '0.5em', height: '0.5em', margin: '0.4em auto 0', borderRadius: '50%' },
    '.km-dot.km-error': { background: 'var(--jp-error-color1, #b00020)' },
    '.km-dot.km-warning': { background: 'var(--jp-warn-color1, #b35900)' },
    '.km-dot.km-note': { background: 'var(--jp-info-color1, #00639c)' }
  });

  return {
    extension: [field, dots, tooltip, keymap.of([{ key: 'F8', run: go }]), theme],
    /**
     * Set the marks of an editor, in the place of those that it has.
     * @param editor EditorView
     * @param {Mark[]} marks
     */
    show(editor, marks) {
      editor.dispatch({ effects: set.of(marks) });
    }
  };
}

/** A mark in words: what is wrong, and the hint below it. */
function words(mark) {
  return [`${mark.severity}: ${mark.message}`, mark.hint].filter(Boolean).join('\n');
}
