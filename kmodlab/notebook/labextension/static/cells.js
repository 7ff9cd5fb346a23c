// SPDX-License-Identifier: GPL-2.0-or-later
// The cells of notebooks.

/**
 * Call a function for each open notebook, and for those that are opened later.
 * @param notebooks INotebookTracker
 * @param {(panel: any) => void} visit
 */
export function forEachNotebook(notebooks, visit) {
  notebooks.forEach(visit);
  notebooks.widgetAdded.connect((_sender, panel) => visit(panel));
}

/**
 * Call a function once for each code cell of a notebook, and for those that come later.
 * @param notebook the widget Notebook
 * @param {(cell: any) => void} visit
 */
export function forEachCodeCell(notebook, visit) {
  const visited = new WeakSet();
  const look = () => {
    for (const cell of notebook.widgets) {
      if (cell.model.type === 'code' && !visited.has(cell)) {
        visited.add(cell);
        visit(cell);
      }
    }
  };
  look();
  notebook.modelContentChanged.connect(look);
  notebook.modelChanged.connect(look);
}
