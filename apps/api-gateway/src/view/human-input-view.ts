import type { HumanRequest, Json } from '@dagbook/domain';
import type { HumanInputRow } from '@dagbook/read-models';
import type { HITLParam, HumanInputView } from '../dto/human-input.ts';
import { instant, instantOrNull } from './instant.ts';

export function humanInputView({ request, createdAtMs, respondedAtMs, chosenOptions, paramsInput, respondedBy }: HumanInputRow): HumanInputView {
  return {
    subject: request.subject,
    body: request.body ?? null,
    options: [...request.options],
    defaults: request.defaults === undefined ? null : [...request.defaults],
    multiple: request.multiple ?? false,
    params: paramsOf(request),
    assigned_users: [...(request.assignedUsers ?? [])],
    created_at: instant(createdAtMs),
    response_received: respondedAtMs !== null,
    responded_at: instantOrNull(respondedAtMs),
    chosen_options: chosenOptions === null ? null : [...chosenOptions],
    params_input: paramsInput ?? {},
    responded_by_user: respondedBy,
  };
}

type Property = { readonly [member: string]: Json };

function paramsOf({ params }: HumanRequest): { readonly [name: string]: HITLParam } {
  const { properties = {} } = (params?.schema ?? {}) as { readonly properties?: { readonly [name: string]: Property } };
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, {
      value: params?.defaults[name] ?? null,
      description: typeof schema['description'] === 'string' ? schema['description'] : null,
      schema,
    }]),
  );
}
