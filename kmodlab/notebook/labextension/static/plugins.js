// SPDX-License-Identifier: GPL-2.0-or-later
// The plugins of this extension.
import { BUTTON_STYLE, makeButtonRenderer } from './buttons.js';
import { CellLanguages } from './cell_languages.js';
import { CellMarks } from './cell_marks.js';
import { makeLanguages } from './languages.js';
import { makeMarks } from './marks.js';

/**
 * The plugins, made of packages that JupyterLab shares.
 * @param {(name: string) => Promise<any>} get
 */
export async function makePlugins(get) {
  const [{ INotebookTracker }, { IEditorLanguageRegistry }] = await Promise.all([
    get('@jupyterlab/notebook'),
    get('@jupyterlab/codemirror')
  ]);
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
      description: "The quiz's answers and the hints of checks are buttons.",
      autoStart: true,
      requires: [INotebookTracker],
      activate: (_app, notebooks) => {
        document.head.append(Object.assign(document.createElement('style'), { textContent: BUTTON_STYLE }));
        const add = panel =>
          panel.content.rendermime.addFactory(makeButtonRenderer(rendermime, widgets, panel.sessionContext), 0);
        notebooks.forEach(add);
        notebooks.widgetAdded.connect((_sender, panel) => add(panel));
      }
    }
  ];
}
