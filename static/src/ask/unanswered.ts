import { el } from '../common/dom';
import { faultNode } from './panel';

/** A part of a question that got no answer. */
export interface Unanswered {
  title: string;
  error: unknown;
}

/** "Not known of: Substations, Transformers." */
export function notKnown(failed: readonly Unanswered[]): string {
  const titles = failed.map((f) => f.title).sort((a, b) => a.localeCompare(b));
  return `Not known of: ${titles.join(', ')}.`;
}

/** Stands above what the others answered, which without it would pass for all that there is. */
export function unansweredNodes(failed: readonly Unanswered[], again: () => void): HTMLElement[] {
  const [first] = failed;
  if (!first) return [];
  const node = faultNode(first.error, again);
  node.querySelector('.ask-fault-title')?.after(el('p', {}, notKnown(failed)));
  return [node];
}
