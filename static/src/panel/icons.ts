import { svg } from '../common/dom';
import { shapes } from '../live/shapes';
import type { Status } from '../map/catalog';

/** The symbol of a state, as on the map. */
export function statusIcon(status: Status, size = 12): SVGSVGElement {
  const out = svg('svg', { viewBox: '0 0 24 24', width: size, height: size, 'aria-hidden': 'true', class: `is-${status}` });
  out.append(svg('path', { d: shapes[status], fill: 'currentColor', 'fill-rule': 'evenodd' }));
  return out;
}

/** A piece of line as a state draws it: its width and dashes as well as its colour. */
export function lineIcon(kind: string, width: number, dashed = false): SVGSVGElement {
  const out = svg('svg', { viewBox: '0 0 22 12', width: 22, height: 12, 'aria-hidden': 'true', class: `is-${kind}` });
  out.append(
    svg('path', {
      d: 'M1 6H21',
      stroke: 'currentColor',
      'stroke-width': width,
      'stroke-linecap': dashed ? 'butt' : 'round',
      'stroke-dasharray': dashed ? '5 3.5' : undefined,
    }),
  );
  return out;
}

/** A round dot, a ring, or a square. */
export function swatch(kind: string, form: 'dot' | 'ring' | 'square'): SVGSVGElement {
  const out = svg('svg', { viewBox: '0 0 12 12', width: 12, height: 12, 'aria-hidden': 'true', class: `is-${kind}` });
  if (form === 'square') out.append(svg('rect', { x: 1, y: 1, width: 10, height: 10, rx: 1.5, fill: 'currentColor' }));
  else
    out.append(
      svg('circle', {
        cx: 6,
        cy: 6,
        r: 4,
        fill: form === 'dot' ? 'currentColor' : 'none',
        stroke: 'currentColor',
        'stroke-width': 1.8,
      }),
    );
  return out;
}
