import type { Status } from '../map/catalog';

/** Outlines in a square of 24, so that states differ by shape: the same on the map, in the legend and in the bar. */
export const shapes: Record<Status, string> = {
  good: 'M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16z',
  warning: 'M12 2.5L22.5 21H1.5z',
  critical: 'M12 1L23 12L12 23L1 12z',
  outage: 'M6.2 2.6L12 8.4l5.8-5.8l3.6 3.6L15.6 12l5.8 5.8l-3.6 3.6L12 15.6l-5.8 5.8l-3.6-3.6L8.4 12L2.6 6.2z',
  unknown: 'M3.5 3.5h17v17h-17zM8 8v8h8V8z',
};

export const atlasCell = 96;

/** All shapes in one picture, side by side in the order given, white on nothing: deck.gl colours them. */
export function drawAtlas(order: readonly Status[]): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = atlasCell * order.length;
  canvas.height = atlasCell;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas to draw the symbols on');
  order.forEach((status, i) => {
    const scale = (atlasCell - 12) / 24;
    context.setTransform(scale, 0, 0, scale, i * atlasCell + 6, 6);
    context.fillStyle = '#fff';
    context.fill(new Path2D(shapes[status]), 'evenodd');
  });
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
