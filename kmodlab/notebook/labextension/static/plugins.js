// SPDX-License-Identifier: GPL-2.0-or-later
// The plugins of this extension.
import { BUTTON_STYLE, makeButtonRenderer } from './buttons.js';
import { CellLanguages } from './cell_languages.js';
import { CellMarks } from './cell_marks.js';
import { openConsole } from './console.js';
import { makeLanguages } from './languages.js';
import { makeMarks } from './marks.js';
import { makePanelClass, PANEL_STYLE } from './panel.js';

/**
 * The plugins, made of packages that JupyterLab shares.
 * @param {(name: string) => Promise<any>} get
 */
export async function makePlugins(get) {
  const [{ INotebookTracker, NotebookActions }, { IEditorLanguageRegistry }, { ILabShell }, { ICommandPalette }] =
    await Promise.all(['notebook', 'codemirror', 'application', 'apputils'].map(name => get(`@jupyterlab/${name}`)));
  const codemirror = {
    language: await get('@codemirror/language'),
    common: await get('@lezer/common'),
    state: await get('@codemirror/state'),
    view: await get('@codemirror/view')
  };
  const rendermime = await get('@jupyterlab/rendermime');
  const widgets = await get('@lumino/widgets');
  return [
    {
      id: 'kmodlab:languages',
      description: 'Cells that begin with a magic of kmodlab are C, make or shell.',
      autoStart: true,
      requires: [INotebookTracker, IEditorLanguageRegistry],
      activate: (_app, notebooks, registry) => {
        makeLanguages(registry, codemirror);
        const cells = new CellLanguages();
        notebooks.forEach(panel => cells.watch(panel.content));
        notebooks.widgetAdded.connect((_sender, panel) => cells.watch(panel.content));
      }
    },
    {
      id: 'kmodlab:marks',
      description: 'What kmodlab says of a line is marked in its cell.',
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, notebooks) => {
        const cells = new CellMarks(makeMarks(codemirror));
        notebooks.forEach(panel => cells.watch(panel.content));
        notebooks.widgetAdded.connect((_sender, panel) => cells.watch(panel.content));
      }
    },
    {
      id: 'kmodlab:buttons',
      description: "The quiz's answers, the hints of checks and what mends a cell are buttons.",
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, notebooks) => {
        addStyle(BUTTON_STYLE);
        const add = panel =>
          panel.content.rendermime.addFactory(makeButtonRenderer(rendermime, widgets, panel), 0);
        notebooks.forEach(add);
        notebooks.widgetAdded.connect((_sender, panel) => add(panel));
      }
    },
    {
      id: 'kmodlab:panel',
      description: "A panel with the guest's state, its modules and its log.",
      autoStart: true,
      requires: [INotebookTracker],
      optional: [ILabShell, ICommandPalette],
      activate: (app, notebooks, shell, palette) => {
        if (!shell) {
          return; // slides have no edges
        }
        addStyle(PANEL_STYLE);
        const LabPanel = makePanelClass(widgets, (kernel, command) => openConsole(app, kernel, command));
        const panel = new LabPanel();
        shell.add(panel, 'right', { rank: 900 });
        app.commands.addCommand('kmodlab:panel', {
          label: 'Show the Kernel Lab Panel',
          execute: () => {
            shell.activateById(panel.id);
            panel.node.querySelector('button')?.focus();
          }
        });
        palette?.addItem({ command: 'kmodlab:panel', category: 'kmodlab' });
        const watched = new WeakSet();
        const follow = () => {
          const context = notebooks.currentWidget?.sessionContext ?? null;
          if (context && !watched.has(context)) {
            watched.add(context);
            context.kernelChanged.connect(() => context === panel.context && panel.connect());
          }
          panel.follow(context);
        };
        notebooks.currentChanged.connect(follow);
        // A cell that has ended may have loaded our extension.
        NotebookActions.executed.connect(() => panel.isConnected || panel.connect());
        follow();
      }
    }
  ];
}

function addStyle(textContent) {
  document.head.append(Object.assign(document.createElement('style'), { textContent }));
}
