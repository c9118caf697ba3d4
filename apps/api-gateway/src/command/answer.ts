import type { FastifyReply } from 'fastify';
import type { AcceptedResponse } from '../dto/response.ts';
import type { Submitted } from './command-desk.ts';

/** What the client gets for a command: the changed thing as queries now see it, or 202 when it is still to come. */
export async function answer<View>(reply: FastifyReply, submitted: Submitted, view: () => Promise<View>): Promise<View | AcceptedResponse> {
  if (submitted.kind === 'done') return view();
  void reply.status(202);
  return { command_id: submitted.commandId, detail: 'The command is stored and will be carried out; its outcome is not there yet' };
}
