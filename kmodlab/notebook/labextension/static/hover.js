// SPDX-License-Identifier: GPL-2.0-or-later
// What a name of C stands for, when the mouse rests on it. By the keyboard it is Shift+Tab, which is JupyterLab's.
import { bubble } from './bubble.js';
import { isC } from './languages.js';

const REST_MS = 400;

/**
 * An extension of CodeMirror for a cell's editor.
 * @param codemirror the package @codemirror/view
 * @param cell the widget of the cell
 * @param {import('./questions.js').Questions} questions
 */
export function makeHover({ view }, cell, questions) {
  const explain = async (editor, position) => {
    const { doc } = editor.state;
    const word = editor.state.wordAt(position);
    const isMarked = editor.dom.querySelector('.km-squiggle:hover'); // what is wrong there comes first, and alone
    if (!word || !isC(cell.model.mimeType) || word.from < doc.line(1).to || isMarked) {
      return null;
    }
    const offset = [...doc.sliceString(0, word.to)].length;
    const answer = await questions.ask({ ask: 'explain', code: doc.toString(), offset });
    if (!answer?.text || editor.state.doc !== doc) {
      return null;
    }
    return { pos: word.from, end: word.to, above: true, create: () => ({ dom: bubble(answer.text, 'km-explained') }) };
  };
  return view.hoverTooltip(explain, { hoverTime: REST_MS, hideOnChange: true });
}
