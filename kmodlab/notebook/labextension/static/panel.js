// SPDX-License-Identifier: GPL-2.0-or-later
// The lab panel at JupyterLab's right edge: the guest of the notebook in front, its modules and its log, while cells run.
// The ipykernel sends all of it (kmodlab/notebook/panel.py), in the reader's language, through a comm that is open while
// the panel is shown.
import { element } from './elements.js';

const COMM = 'kmodlab.panel';
const MOST_LINES = 500;
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/**
 * The class of the panel.
 * @param widgets the package @lumino/widgets
 * @param {(kernel: string, command: string) => Promise<boolean>} openConsole whether there is a terminal
 */
export function makePanelClass({ Widget }, openConsole) {
  return class LabPanel extends Widget {
    context = null;
    #comm = null;
    #labels = {};
    #lines = [];
    #followsLog = true; // until somebody scrolls up

    constructor() {
      super();
      this.id = 'kmodlab-panel';
      this.addClass('km-panel');
      this.title.label = 'Kernel lab';
      this.title.caption = 'kmodlab: the guest of this notebook';
      this.node.setAttribute('role', 'region');
      this.node.setAttribute('aria-label', this.title.label);
      this.state = element('div');
      this.controls = element('div');
      this.said = element('p', { className: 'km-said', role: 'status' });
      this.modules = element('div');
      this.log = element('div', { className: 'km-log' });
      this.node.append(this.state, this.controls, this.said, this.modules, this.log);
      this.node.dataset.lmSuppressShortcuts = 'true';
      this.#say('Open a notebook, and run its cell %load_ext kmodlab.');
    }

    /** Show the guest of a notebook; null for none. */
    follow(sessionContext) {
      this.context = sessionContext;
      this.connect();
    }

    /** Ask the ipykernel anew, for instance when it was restarted or the extension was loaded. */
    connect() {
      this.#disconnect();
      const kernel = this.context?.session?.kernel;
      if (!kernel || !this.isVisible) {
        return;
      }
      const comm = kernel.createComm(COMM);
      comm.onMsg = message => this.#comm === comm && this.#take(message.content.data);
      comm.onClose = () => this.#comm === comm && this.lose();
      this.#comm = comm;
      comm.open({});
    }

    get isConnected() {
      return this.#comm !== null && !this.#comm.isDisposed;
    }

    onAfterShow() {
      this.connect();
    }

    onAfterHide() {
      this.#disconnect();
    }

    #disconnect() {
      const comm = this.#comm;
      this.#comm = null;
      if (comm && !comm.isDisposed) {
        comm.onClose = () => {};
        comm.close();
      }
    }

    /** The ipykernel serves the panel no longer. */
    lose() {
      this.#comm = null;
      [this.state, this.controls, this.modules, this.log].forEach(part => part.replaceChildren());
      delete this.modules.dataset.shown;
      this.#say('Run the cell %load_ext kmodlab: then the guest is shown here.');
    }

    #take({ labels, devices, console, state, busy, log, fresh, said }) {
      if (labels) {
        this.#labels = labels;
        this.#showControls(devices, console);
        this.#say('');
      }
      if (state !== undefined) {
        this.#showState(state, busy);
      }
      if (fresh) {
        this.#lines = [];
        this.lines.replaceChildren();
      }
      if (log) {
        this.#addLines(log);
      }
      if (said !== undefined) {
        this.#say(said);
      }
    }

    #say(text) {
      this.said.textContent = text;
    }

    #wish(wish, device = '') {
      this.#comm?.send({ wish, device });
    }

    async #openConsole(command) {
      if (!(await openConsole(this.context.session.kernel.id, command))) {
        this.#say(this.#labels.no_terminal);
      }
    }

    #showControls(devices, command) {
      const button = (textContent, title, press) => {
        const node = element('button', { type: 'button', className: 'km-button', textContent, title });
        node.addEventListener('click', press);
        return node;
      };
      this.devices = new Map(
        devices.map(([name, purpose]) => [
          name,
          button(name, purpose, () => {
            const pressed = this.devices.get(name).getAttribute('aria-pressed') === 'true';
            this.#wish(pressed ? 'unplug' : 'plug', name);
          })
        ])
      );
      const group = element('div', { className: 'km-row', role: 'group', label: this.#labels.devices });
      group.append(...this.devices.values());
      this.busy = element('span', { textContent: this.#labels.busy, hidden: true });
      const row = element('div', { className: 'km-row' });
      row.append(
        button(this.#labels.reset, '', () => this.#wish('reset')),
        button(this.#labels.console, this.#labels.console_title, () => this.#openConsole(command)),
        this.busy
      );
      this.controls.replaceChildren(row, element('h2', { textContent: this.#labels.devices }), group);
      this.#showLog();
    }

    #showLog() {
      this.filter = element('input', { type: 'search', label: this.#labels.filter, placeholder: this.#labels.filter });
      this.level = element('select', { label: this.#labels.level, title: this.#labels.level });
      this.level.append(...LEVELS.map((name, value) => element('option', { value, textContent: name })));
      this.level.value = '7';
      this.lines = element('div', { className: 'km-lines', role: 'log', label: this.#labels.log, tabIndex: 0 });
      this.lines.setAttribute('aria-live', 'off'); // a module may print a thousand lines in a second
      this.lines.addEventListener('scroll', () => {
        const { scrollTop, clientHeight, scrollHeight } = this.lines;
        this.#followsLog = scrollTop + clientHeight >= scrollHeight - 4;
      });
      this.filter.addEventListener('input', () => this.#filterLines());
      this.level.addEventListener('change', () => this.#filterLines());
      const row = element('div', { className: 'km-filter' });
      row.append(this.filter, this.level);
      this.log.replaceChildren(element('h2', { textContent: this.#labels.log }), row, this.lines);
    }

    #showState(state, busy) {
      const { none, kernel, clean, tainted } = this.#labels;
      if (busy && this.busy.hidden) {
        this.#say(''); // what was said is over
      }
      this.busy.hidden = !busy;
      this.devices.forEach((node, name) => node.setAttribute('aria-pressed', String(!!state?.devices.includes(name))));
      const title = state ? kernel.replace('{release}', state.release).replace('{uptime}', state.uptime) : none;
      const parts = [element('p', { className: 'km-kernel', textContent: title })];
      if (state) {
        const taints = element('ul');
        taints.append(...state.taint.map(textContent => element('li', { textContent })));
        parts.push(element('p', { textContent: state.taint.length ? tainted : clean }), taints);
      }
      this.state.replaceChildren(...parts);
      this.#showModules(state?.modules ?? []);
      this.#scrollLog(); // the log has what the others leave
    }

    #showModules(rows) {
      const key = JSON.stringify(rows);
      if (this.modules.dataset.shown === key) {
        return; // a table that is read or selected stays as it is
      }
      this.modules.dataset.shown = key;
      const { modules, module, bytes, uses, users } = this.#labels;
      const table = element('table', { label: modules });
      table.append(row('th', [module, bytes, uses, users]), ...rows.map(cells => row('td', cells)));
      const box = element('div', { className: 'km-modules', role: 'region', label: modules, tabIndex: 0 });
      box.append(table);
      this.modules.replaceChildren(...(rows.length ? [element('h2', { textContent: modules }), box] : []));
    }

    #addLines(records) {
      for (const [time, level, name, text] of records.slice(-MOST_LINES)) {
        const kind = level <= 3 ? 'urgent' : level === 4 ? 'warning' : 'quiet';
        const node = element('div', { className: `km-${kind}`, textContent: `[${time}] ${name}: ${text}` });
        this.#lines.push({ level, node });
        this.lines.append(node);
      }
      for (const { node } of this.#lines.splice(0, Math.max(0, this.#lines.length - MOST_LINES))) {
        node.remove();
      }
      this.#filterLines();
    }

    #scrollLog() {
      if (this.#followsLog) {
        this.lines.scrollTop = this.lines.scrollHeight;
      }
    }

    #filterLines() {
      const text = this.filter.value.toLowerCase();
      for (const { level, node } of this.#lines) {
        node.hidden = level > Number(this.level.value) || !node.textContent.toLowerCase().includes(text);
      }
      this.#scrollLog();
    }
  };
}

function row(kind, cells) {
  const node = element('tr');
  node.append(...cells.map(textContent => element(kind, { textContent, ...(kind === 'th' ? { scope: 'col' } : {}) })));
  return node;
}

/** The style of the panel, in the colours of the theme. */
export const PANEL_STYLE = `
.km-panel { padding: .8em; overflow: auto; color: var(--jp-ui-font-color0); background: var(--jp-layout-color1);
  font-size: var(--jp-ui-font-size1); --jp-sidebar-min-width: 320px; display: flex; flex-direction: column; }
.km-panel > * { flex: none; }
.km-panel h2 { font-size: 1em; font-weight: bold; margin: .8em 0 .3em; }
.km-panel p { margin: .3em 0; }
.km-panel ul { margin: 0; padding-left: 1.2em; }
.km-panel .km-kernel { font-weight: bold; }
.km-panel .km-row { display: flex; flex-wrap: wrap; align-items: center; gap: .3em; }
.km-panel .km-button[aria-pressed='true'] { border: 2px solid var(--jp-brand-color1); font-weight: bold; }
.km-panel .km-modules { max-height: 16em; overflow: auto; }
.km-panel table { border-collapse: collapse; width: 100%; }
.km-panel th, .km-panel td { text-align: left; vertical-align: top; padding: .1em .5em .1em 0;
  border-bottom: 1px solid var(--jp-border-color2); }
.km-panel th { position: sticky; top: 0; background: var(--jp-layout-color1); }
.km-panel td:first-child, .km-panel td:last-child { overflow-wrap: anywhere; min-width: 6em; }
.km-panel .km-log { flex: 1 0 auto; display: flex; flex-direction: column; }
.km-panel .km-filter { display: flex; gap: .3em; margin-bottom: .3em; }
.km-panel .km-filter input { flex: 1; min-width: 4em; }
.km-panel .km-filter > * { font: inherit; color: inherit; background: var(--jp-layout-color2);
  border: 1px solid var(--jp-border-color1); }
.km-panel .km-lines { font-family: var(--jp-code-font-family); font-size: .9em; flex: 1 1 14em; overflow: auto;
  min-height: 14em; max-height: 40em; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--jp-border-color2); padding: .3em; }
.km-panel .km-lines .km-urgent { color: color-mix(in srgb, var(--jp-error-color1) 75%, currentcolor); font-weight: bold; }
.km-panel .km-lines .km-warning { color: color-mix(in srgb, var(--jp-warn-color1) 65%, currentcolor); }
`;
