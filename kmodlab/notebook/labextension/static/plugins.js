// SPDX-License-Identifier: GPL-2.0-or-later
// The plugins of this extension.
import { BUBBLE_STYLE } from './bubble.js';
import { BUTTON_STYLE, makeButtonRenderer } from './buttons.js';
import { CellLanguages } from './cell_languages.js';
import { CellMarks } from './cell_marks.js';
import { forEachCodeCell, forEachNotebook } from './cells.js';
import { openConsole } from './console.js';
import { makeHover } from './hover.js';
import { makeLanguages } from './languages.js';
import { LiveCheck } from './live_check.js';
import { makeMarks } from './marks.js';
import { makePanelClass, PANEL_STYLE } from './panel.js';
import { Questions } from './questions.js';

/** Plugins with settings have the names of their schemas (schemas/kmodlab/languages.json, live-check.json). */
const LANGUAGES = 'kmodlab:languages';
const LIVE_CHECK = 'kmodlab:live-check';

/**
 * The plugins, made of packages that JupyterLab shares.
 * @param {(name: string) => Promise<any>} get
 */
export async function makePlugins(get) {
  const { INotebookTracker, NotebookActions } = await get('@jupyterlab/notebook');
  const { IEditorLanguageRegistry } = await get('@jupyterlab/codemirror');
  const { ILabShell } = await get('@jupyterlab/application');
  const { ICommandPalette } = await get('@jupyterlab/apputils');
  const { ISettingRegistry } = await get('@jupyterlab/settingregistry');
  const codemirror = {
    language: await get('@codemirror/language'),
    common: await get('@lezer/common'),
    state: await get('@codemirror/state'),
    view: await get('@codemirror/view')
  };
  const rendermime = await get('@jupyterlab/rendermime');
  const widgets = await get('@lumino/widgets');
  const marks = new CellMarks(makeMarks(codemirror));
  return [
    {
      id: LANGUAGES,
      description: 'Cells that begin with a magic of kmodlab are C, make or shell.',
      autoStart: true,
      requires: [INotebookTracker, IEditorLanguageRegistry, ISettingRegistry],
      activate: (_app, notebooks, languages, registry) => {
        makeLanguages(languages, codemirror);
        const cells = new CellLanguages();
        forEachNotebook(notebooks, panel => cells.watch(panel.content));
        followSettings(registry, LANGUAGES, settings => cells.setTabSize(settings.tabSize));
      }
    },
    {
      id: 'kmodlab:marks',
      description: 'What kmodlab says of a line is marked in its cell.',
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, notebooks) => {
        addStyle(BUBBLE_STYLE);
        forEachNotebook(notebooks, panel => marks.watch(panel.content));
      }
    },
    {
      id: 'kmodlab:hover',
      description: 'What a name of C stands for is shown when the mouse rests on it.',
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, notebooks) =>
        forEachNotebook(notebooks, panel => {
          const questions = new Questions(panel.sessionContext);
          forEachCodeCell(panel.content, async cell => {
            await cell.ready;
            cell.editor?.injectExtension(makeHover(codemirror, cell, questions));
          });
        })
    },
    {
      id: LIVE_CHECK,
      description: 'C is checked while it is written, if the setting says so.',
      autoStart: true,
      requires: [INotebookTracker, ISettingRegistry],
      activate: (_app, notebooks, registry) => {
        const check = new LiveCheck(marks);
        forEachNotebook(notebooks, panel => {
          const questions = new Questions(panel.sessionContext);
          forEachCodeCell(panel.content, cell => check.watch(panel.content, cell, questions));
        });
        followSettings(registry, LIVE_CHECK, settings => {
          check.isOn = settings.enabled;
        });
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
        forEachNotebook(notebooks, add);
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
            context.statusChanged.connect((_sender, status) => {
              if (context === panel.context && ['restarting', 'autorestarting', 'dead'].includes(status)) {
                panel.lose();
              }
            });
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

/**
 * Call a function with a plugin's settings, now and whenever they change.
 * @param registry JupyterLab's settings
 * @param {string} plugin
 * @param {(settings: any) => void} use
 */
async function followSettings(registry, plugin, use) {
  const settings = await registry.load(plugin);
  settings.changed.connect(() => use(settings.composite));
  use(settings.composite);
}

function addStyle(textContent) {
  document.head.append(Object.assign(document.createElement('style'), { textContent }));
}
