/** Brings a parent's children in line with `items`: nodes of keys that stay are kept, so that focus, selection and scroll
    are, too. */
export function keyed<T, N extends Element>(
  parent: Element,
  items: readonly T[],
  key: (item: T) => string,
  make: (item: T) => N,
  update: (node: N, item: T) => void,
): void {
  const old = new Map<string, N>();
  for (const child of [...parent.children]) {
    const k = (child as Partial<{ dataset: DOMStringMap }>).dataset?.key;
    if (k === undefined) child.remove();
    else old.set(k, child as N);
  }
  let before: Element | null = null;
  for (const item of items) {
    const k = key(item);
    let node = old.get(k);
    if (node) old.delete(k);
    else {
      node = make(item);
      (node as unknown as HTMLElement).dataset.key = k;
    }
    update(node, item);
    const wanted: Element | null = before ? before.nextElementSibling : parent.firstElementChild;
    if (wanted !== node) parent.insertBefore(node, wanted);
    before = node;
  }
  for (const node of old.values()) node.remove();
}

/** A table row whose cells are filled again and again. */
export function fill(row: Element, cells: readonly (string | Node)[]): void {
  for (const [i, cell] of cells.entries()) {
    const td = row.children[i];
    if (!td) continue;
    if (typeof cell === 'string') {
      if (td.textContent !== cell || td.childElementCount > 0) td.textContent = cell;
    } else td.replaceChildren(cell);
  }
}
