import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vite';

const USED_WEIGHTS = ['400', '600'];

/** Pretendard ships nine weights in two formats; only what the page sets in type may reach a browser. */
function pretendardSubset(): Plugin {
  return {
    name: 'pretendard-subset',
    enforce: 'pre',
    transform(code, id) {
      if (!id.includes('pretendard-dynamic-subset.css')) return null;
      const faces = code.match(/@font-face\s*{[^}]*}/g) ?? [];
      return faces
        .filter((face) => USED_WEIGHTS.includes(/font-weight:\s*(\d+)/.exec(face)?.[1] ?? ''))
        .map((face) => face.replace(/,\s*url\([^)]*\.woff\)\s*format\('woff'\)/, ''))
        .join('\n');
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  resolve: { alias: { '@dagbook/api-client': fileURLToPath(new URL('../../libs/api-client/src/index.ts', import.meta.url)) } },
  plugins: [pretendardSubset(), react()],
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // The policy of the page is `default-src 'self'`: a `data:` font or image would be refused.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8790', '/ui': 'http://127.0.0.1:8790', '/auth': 'http://127.0.0.1:8790' } },
});
