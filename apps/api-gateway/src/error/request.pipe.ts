import type { PipeTransform } from '@nestjs/common';
import { ID_PATTERN, RUN_ID_PATTERN } from '@dagbook/contracts';
import { isDeeperThan, type Json } from '@dagbook/domain';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { rawOf } from '../dto/field.ts';
import { invalid } from './api-error.ts';

/** All that reads JSON here goes down by calls, and a stack has an end. */
const MOST_LEVELS = 500;

/** Reads a body or a query into its class; a field that is unknown, missing or breaks its rule is named in a 422. */
class RequestPipe<Request extends object> implements PipeTransform<unknown, Request> {
  readonly #type: new () => Request;
  readonly #where: 'body' | 'query';
  constructor(type: new () => Request, where: 'body' | 'query') {
    this.#type = type;
    this.#where = where;
  }

  transform(raw: unknown): Request {
    const given = raw ?? {};
    if (typeof given !== 'object' || Array.isArray(given)) {
      throw invalid([{ type: 'model_attributes_type', loc: [this.#where], msg: 'Input should be a JSON object', input: given }]);
    }
    if (isDeeperThan(given as Json, MOST_LEVELS)) throw invalid([{ type: 'recursion_loop', loc: [this.#where], msg: `Input should be JSON of at most ${MOST_LEVELS} levels` }]);
    const request = plainToInstance(this.#type, given);
    const errors = validateSync(request, { whitelist: true, forbidNonWhitelisted: true });
    if (errors.length > 0) {
      throw invalid(
        errors.map(({ property, constraints = {}, value }) => {
          const isMissing = value === undefined && constraints['whitelistValidation'] === undefined;
          const [type, msg] = isMissing ? ['missing', 'Field required'] : (Object.entries(constraints)[0] ?? ['invalid', 'Input is not valid']);
          return type === 'whitelistValidation'
            ? { type: 'extra_forbidden', loc: [this.#where, property], msg: 'Extra inputs are not permitted', input: rawOf(value) }
            : { type, loc: [this.#where, property], msg, input: rawOf(value) };
        }),
      );
    }
    return request;
  }
}

export const body = <Request extends object>(type: new () => Request): PipeTransform => new RequestPipe(type, 'body');
export const query = <Request extends object>(type: new () => Request): PipeTransform => new RequestPipe(type, 'query');

/** An id in the path; `~` stands for all of them where a list allows it. */
export class PathIdPipe implements PipeTransform<string, string> {
  readonly #name: string;
  readonly #pattern: RegExp;
  readonly #allowsAll: boolean;
  constructor(name: string, pattern: RegExp, allowsAll: boolean) {
    this.#name = name;
    this.#pattern = pattern;
    this.#allowsAll = allowsAll;
  }
  transform(id: string): string {
    if (this.#pattern.test(id) || (this.#allowsAll && id === '~')) return id;
    throw invalid([{ type: 'string_pattern_mismatch', loc: ['path', this.#name], msg: `String should match pattern '${this.#pattern.source}'`, input: id }]);
  }
}

export const pathDag = new PathIdPipe('dag_id', ID_PATTERN, false);
export const pathDagOrAll = new PathIdPipe('dag_id', ID_PATTERN, true);
export const pathRun = new PathIdPipe('dag_run_id', RUN_ID_PATTERN, false);
export const pathRunOrAll = new PathIdPipe('dag_run_id', RUN_ID_PATTERN, true);
export const pathWatcher = new PathIdPipe('watcher', /^[0-9a-f]{32}$/, false);
export const pathTask = new PathIdPipe('task_id', ID_PATTERN, false);
export const pathTaskOrAll = new PathIdPipe('task_id', ID_PATTERN, true);

/** The database's integers go no further. */
const MOST = 2_147_483_647;

/** A whole number in the path. */
class PathNumberPipe implements PipeTransform<string, number> {
  readonly #name: string;
  readonly #min: number;
  constructor(name: string, min: number) {
    this.#name = name;
    this.#min = min;
  }
  transform(raw: string): number {
    const number = /^-?\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
    if (number >= this.#min && number <= MOST) return number;
    throw invalid([{ type: 'int_parsing', loc: ['path', this.#name], msg: `Input should be a whole number from ${this.#min} to ${MOST}`, input: raw }]);
  }
}

export const pathMapIndex = new PathNumberPipe('map_index', -1);
export const pathTryNumber = new PathNumberPipe('try_number', 1);
export const pathCallback = new PathNumberPipe('callback', 1);
export const pathVersionNumber = new PathNumberPipe('version_number', 1);
export const pathAsset = new PathNumberPipe('asset_id', 0);
export const pathAlias = new PathNumberPipe('asset_alias_id', 0);
export const pathBackfill = new PathNumberPipe('backfill_id', 0);
export const pathImportError = new PathNumberPipe('import_error_id', 0);
