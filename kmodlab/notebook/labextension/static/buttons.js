// SPDX-License-Identifier: GPL-2.0-or-later
// Shows outputs with buttons (kmodlab/notebook/views/buttons.py): the output's HTML, its buttons, and what pressing one
// answers, which comes through a comm.
import { element } from './elements.js';

const MIME = 'application/vnd.kmodlab.buttons+json';
const COMM = 'kmodlab.buttons';

/**
 * A factory of renderers for one notebook.
 * @param rendermime the package @jupyterlab/rendermime
 * @param widgets the package @lumino/widgets
 * @param panel the notebook's panel
 */
export function makeButtonRenderer({ MimeModel, htmlRendererFactory }, { Panel, Widget }, panel) {
  class ButtonOutput extends Panel {
    constructor(options) {
      super();
      this.addClass('km-with-buttons');
      this.options = options;
    }

    async renderModel(model) {
      const { key, labels, numbered = true } = model.data[MIME];
      this.addWidget(await this.#html(String(model.data['text/html'] ?? ''), model.trusted));
      const row = element('div', { className: 'km-buttons', role: 'group' });
      row.dataset.lmSuppressShortcuts = 'true'; // Enter and Space are the buttons', not the notebook's
      row.addEventListener('keydown', event => event.stopPropagation()); // nor those of slides
      this.buttons = labels.map((label, number) => {
        const text = numbered && labels.length > 1 ? `${number + 1}. ${label}` : label;
        const button = element('button', { type: 'button', className: 'km-button', textContent: text });
        button.addEventListener('click', () => this.#press(key, number));
        return button;
      });
      row.append(...this.buttons);
      this.addWidget(new Widget({ node: row }));
      this.answers = new Panel();
      this.answers.node.setAttribute('role', 'status');
      this.addWidget(this.answers);
    }

    #press(key, number) {
      const pressed = this.buttons[number];
      const kernel = panel.sessionContext.session?.kernel;
      if (!kernel || pressed.getAttribute('aria-disabled') === 'true') {
        return;
      }
      const comm = kernel.createComm(COMM);
      comm.onMsg = async message => {
        const { html, enabled, here = null, below = [] } = message.content.data;
        if (enabled) {
          pressed.classList.add('km-pressed');
          // Not `disabled`: the button would lose the keyboard's focus.
          this.buttons.forEach((button, other) => button.setAttribute('aria-disabled', String(!enabled.includes(other))));
        }
        const answer = await this.#html(html, true);
        this.answers.addWidget(answer);
        this.#write(here, below);
      };
      comm.open({ key, number });
    }

    /** Gives the cell that has this output another text, and puts new cells below it. */
    #write(here, below) {
      const notebook = panel.content;
      const index = notebook.widgets.findIndex(cell => cell.node.contains(this.node));
      if (index < 0) {
        return;
      }
      if (here !== null) {
        notebook.widgets[index].model.sharedModel.setSource(here);
      }
      below.forEach((source, number) =>
        notebook.model.sharedModel.insertCell(index + 1 + number, { cell_type: 'code', source, metadata: {} })
      );
      if (below.length > 0 && here === null) {
        notebook.activeCellIndex = index + 1;
      }
    }

    async #html(html, trusted) {
      const widget = htmlRendererFactory.createRenderer({ ...this.options, mimeType: 'text/html' });
      await widget.renderModel(new MimeModel({ data: { 'text/html': html }, trusted }));
      return widget;
    }
  }

  return { safe: true, mimeTypes: [MIME], createRenderer: options => new ButtonOutput(options) };
}

/** The style of buttons, in the colours of the theme; RISE has JupyterLab's variables too. */
export const BUTTON_STYLE = `
.km-with-buttons ol.km-options { display: none; }
.km-buttons { display: flex; flex-direction: column; align-items: flex-start; gap: .3em; margin: .3em 0 .5em; }
.km-button { font: inherit; text-align: left; padding: .25em .8em; border-radius: 3px; cursor: pointer;
  border: 1px solid var(--jp-border-color1, #888); background: var(--jp-layout-color2, #eee);
  color: var(--jp-ui-font-color0, #000); }
.km-button:hover { background: var(--jp-layout-color3, #ddd); }
.km-button:focus-visible { outline: 2px solid var(--jp-brand-color1, #00639c); outline-offset: 1px; }
.km-button[aria-disabled='true'] { cursor: default; color: var(--jp-ui-font-color2, #666); border-style: dashed; }
.km-button.km-pressed { border: 2px solid var(--jp-brand-color1, #00639c); color: var(--jp-ui-font-color0, #000);
  font-weight: bold; }
`;
