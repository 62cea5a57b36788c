// What the page's modules ask of a browser as they load. Imported before them.
globalThis.document ??= { baseURI: 'http://127.0.0.1:8080/', hidden: false, addEventListener: () => undefined };
globalThis.sessionStorage ??= { getItem: () => null };
