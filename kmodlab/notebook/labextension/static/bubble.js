// SPDX-License-Identifier: GPL-2.0-or-later
// What a tooltip in an editor shows.
import { element } from './elements.js';

/**
 * A text in a tooltip.
 * @param {string} textContent
 * @param {string} kind a class more
 */
export function bubble(textContent, kind = '') {
  const node = element('div', { className: `km-bubble ${kind}`, role: 'tooltip', textContent });
  node.tabIndex = -1; // so that its text can be selected, and scrolled
  return node;
}

/** The style of tooltips, in the colours of the theme. */
export const BUBBLE_STYLE = `
.cm-tooltip:has(> .km-bubble) { border: 1px solid var(--jp-border-color1, #888); z-index: 1000;
  background: var(--jp-layout-color1, #fff); color: var(--jp-ui-font-color1, #000); }
.km-bubble { padding: .4em .6em; max-width: 48em; max-height: 20em; overflow: auto; white-space: pre-wrap; }
.km-explained { font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px); }
`;
