import { ask } from '../common/api';

interface Page {
  features: GeoJSON.Feature[];
  links: { rel: string; href: string }[];
}

/** All substations with their places and names: some hundred. */
export async function readSubstations(): Promise<GeoJSON.Feature[]> {
  const out: GeoJSON.Feature[] = [];
  let path: string | undefined = 'api/postgres/layers/substations/features?limit=1000&properties=substation_name';
  while (path !== undefined) {
    const { value }: { value: Page } = await ask<Page>(path);
    out.push(...value.features);
    path = value.links.find((link) => link.rel === 'next')?.href;
  }
  return out;
}
