import { ask } from '../common/api';

interface Page {
  features: GeoJSON.Feature[];
  links: { rel: string; href: string }[];
}

export interface Substations {
  features: GeoJSON.Feature[];
  /** Of the layer, that they were read from; undefined when it has none. */
  version: number | undefined;
}

/** All substations with their places and names: some hundred. */
export async function readSubstations(): Promise<Substations> {
  const features: GeoJSON.Feature[] = [];
  let version: number | undefined;
  let path: string | undefined = 'api/postgres/layers/substations/features?limit=1000&properties=substation_name';
  while (path !== undefined) {
    const { value, versions }: { value: Page; versions: Record<string, string> } = await ask<Page>(path);
    features.push(...value.features);
    // Of several pages the oldest counts: what changed between them is read again.
    const of = Number(versions.substations);
    if (Number.isFinite(of)) version = Math.min(version ?? of, of);
    path = value.links.find((link) => link.rel === 'next')?.href;
  }
  return { features, version };
}

const again_ms = 2_000;
const mostTries = 5;

/** Keeps places and names, which the events do not tell, at the version that the events name. */
export class Places {
  private has: number | undefined;
  private wanted: number | undefined;
  private readFor: number | undefined;
  private tries = 0;
  private running = false;

  /** \param read  does not give up */
  constructor(
    private readonly read: () => Promise<Substations>,
    private readonly onRead: (features: GeoJSON.Feature[]) => void,
  ) {
    void this.run();
  }

  /** The layer is at this version now. */
  want(version: number | undefined): void {
    if (version === undefined || version === this.wanted) return;
    this.wanted = version;
    this.tries = 0;
    if (!this.running && this.old()) void this.run();
  }

  // Another server may answer that has not heard of the version yet; one that is ahead will tell of its own.
  private old(): boolean {
    if (this.wanted === undefined || this.has === this.wanted) return false;
    return this.readFor !== this.wanted || (this.has !== undefined && this.has < this.wanted && this.tries < mostTries);
  }

  private async run(): Promise<void> {
    this.running = true;
    do {
      if (this.tries > 0) await new Promise((resume) => window.setTimeout(resume, again_ms));
      const { wanted } = this;
      const { features, version } = await this.read();
      this.has = version;
      this.readFor = wanted;
      this.tries = wanted === this.wanted ? this.tries + 1 : 0;
      this.onRead(features);
    } while (this.old());
    this.running = false;
  }
}
