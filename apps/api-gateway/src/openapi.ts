import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

/** The REST contract, from the controllers' own declarations. */
export function openApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Dagbook REST API')
    .setDescription("Airflow's REST API v2, as far as it is served, and what the page needs beyond it (`/ui`, streams, run events).")
    .setVersion(version)
    .addBearerAuth()
    .addCookieAuth('_token')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of Object.values(item)) addPathParameters(path, operation as PathOperation);
  }
  return document;
}

interface PathOperation {
  parameters?: object[];
}

const NUMBERS = new Set(['map_index', 'try_number', 'task_try_number', 'version_number', 'import_error_id', 'backfill_id']);

/** Nest finds path parameters by type metadata, which is not emitted; the path itself names them. */
function addPathParameters(path: string, operation: PathOperation): void {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
  const parameters = names.map((name) => ({ name, in: 'path', required: true, schema: { type: NUMBERS.has(name) ? 'integer' : 'string' } }));
  operation.parameters = [...parameters, ...(operation.parameters ?? [])];
}
