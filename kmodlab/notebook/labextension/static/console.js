// SPDX-License-Identifier: GPL-2.0-or-later
// A console: the guest's shell in a terminal of JupyterLab, below the notebook.

/** The terminals of notebooks, by the ids of their ipykernels. */
const terminals = new Map();

/**
 * Open a notebook's console, or show the one that is open; whether there is one.
 * @param app JupyterLab
 * @param {string} kernel the id of the notebook's ipykernel
 * @param {string} command what the terminal's own shell is to run
 */
export async function openConsole(app, kernel, command) {
  const last = terminals.get(kernel);
  if (last && !last.isDisposed) {
    app.shell.activateById(last.id);
    return true;
  }
  if (!app.serviceManager.terminals.isAvailable() || !app.commands.hasCommand('terminal:create-new')) {
    return false;
  }
  const notebook = app.shell.currentWidget;
  const terminal = await app.commands.execute('terminal:create-new');
  terminals.set(kernel, terminal);
  app.shell.add(terminal, 'main', { mode: 'split-bottom', ref: notebook?.id });
  app.shell.activateById(terminal.id);
  // The terminal keeps it until it is connected. `clear`, because it is shown as if it had been typed.
  terminal.content.session.send({ type: 'stdin', content: [` clear; ${command}\r`] });
  return true;
}
