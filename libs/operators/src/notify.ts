import { createHmac } from 'node:crypto';
import { basename } from 'node:path';
import { existsSync } from 'node:fs';
import { TaskFailure, type OperatorContext, type OperatorExecutor } from '@dagbook/sdk';
import { connectionOf, extraFlag, extraText, unreadable } from './connection.ts';
import { Fields } from './field.ts';
import { belowHost, refusedAnswer, request } from './http.ts';

const WITHIN_MS = 30_000;

/** By SMTP. Addresses and subject with line breaks are refused: they would become headers. */
export const email: OperatorExecutor = async (given, context) => {
  const fields = new Fields('email', given);
  const line = (name: string, value: string | undefined): string => (value === undefined || /[\r\n]/.test(value) ? fields.refuse(name, value, 'one line of text') : value);
  const addresses = (name: string): string[] => fields.texts(name).map((address) => line(name, address));
  const to = addresses('to');
  if (to.length === 0) fields.refuse('to', given['to'], 'an address, or a list of them');
  const attachments = fields.texts('attachments');
  for (const path of attachments) if (!existsSync(path)) fields.refuse('attachments', path, 'a file on this worker');
  const text = fields.optionalText('text');
  const html = fields.optionalText('html');
  const subject = line('subject', fields.text('subject'));
  const connection = await connectionOf(fields.optionalText('connection') ?? 'smtp_default', context, 'smtp');
  if (connection.host === undefined) throw unreadable(connection.id, 'host', 'the name of an SMTP server');
  const from = fields.optionalText('from') ?? extraText(connection, 'from_email') ?? connection.login;

  const { createTransport } = await import('nodemailer');
  const secure = extraFlag(connection, 'ssl') || connection.port === 465;
  const transport = createTransport({
    host: connection.host, port: connection.port ?? (secure ? 465 : 587), secure, requireTLS: extraFlag(connection, 'starttls'),
    ...(connection.login === undefined ? {} : { auth: { user: connection.login, pass: connection.password ?? '' } }),
    connectionTimeout: WITHIN_MS, greetingTimeout: WITHIN_MS, socketTimeout: WITHIN_MS, disableFileAccess: false, disableUrlAccess: true,
  });
  try {
    const sent = await transport.sendMail({
      from: line('from', from), to, cc: addresses('cc'), bcc: addresses('bcc'), subject, ...(text === undefined ? {} : { text }), ...(html === undefined ? {} : { html }),
      attachments: attachments.map((path) => ({ path, filename: basename(path) })),
    });
    context.io.log('info', `the message ${sent.messageId} was accepted for ${sent.accepted.length} of ${sent.accepted.length + sent.rejected.length} addresses`, { logger: 'task.email' });
    return { messageId: sent.messageId, accepted: sent.accepted.map(String) };
  } catch (cause) {
    const { responseCode, message } = cause as { responseCode?: number; message: string };
    // 5xx is the server's final word.
    throw new TaskFailure('error', `the message was not accepted by ${connection.host}: ${message}`, { cause, retry: responseCode === undefined || responseCode < 500 });
  } finally {
    transport.close();
  }
};

/** To an incoming webhook. Its address is a secret and is shown nowhere. */
export const slack: OperatorExecutor = async (given, context) => {
  const fields = new Fields('slack', given);
  const body = { text: fields.text('text'), ...(fields.has('blocks') ? { blocks: fields.raw('blocks') } : {}) };
  const connection = await connectionOf(fields.optionalText('connection') ?? 'slack_default', context, 'http');
  const url = belowHost(connection.password ?? '', { ...connection, host: connection.host ?? 'https://hooks.slack.com/services' });
  if (url === undefined) throw unreadable(connection.id, 'host', 'an http or https URL');
  return post({ url, body: JSON.stringify(body), headers: {}, called: `the webhook of connection '${connection.id}'` }, context);
};

/**
 * JSON to the connection's address, signed with its password as Standard Webhooks are: HMAC-SHA256 over
 * `id.timestamp.body`. The id is that of the try, or of the callback whatever its try, so a receiver can tell a repetition.
 */
export const webhook: OperatorExecutor = async (given, context) => {
  const fields = new Fields('webhook', given);
  const body = JSON.stringify(fields.raw('payload') ?? null);
  const connection = await connectionOf(fields.text('connection', 'the id of a connection'), context, 'http');
  const url = belowHost(extraText(connection, 'endpoint') ?? connection.schema ?? '', { ...connection, schema: undefined });
  if (url === undefined) throw unreadable(connection.id, 'host', 'an http or https URL');
  const { attempt: { dagId, runId, taskId, mapIndex, tryNumber }, work: { callback } } = context.request;
  const parts = callback === undefined ? [dagId, runId, taskId, mapIndex, tryNumber] : callback.key.split('/');
  const id = parts.map((part) => encodeURIComponent(part)).join('/');
  const timestamp = String(Math.floor(context.io.nowMs() / 1000));
  const signature: { readonly [header: string]: string } = connection.password === undefined ? {} : { 'webhook-signature': `v1,${createHmac('sha256', keyOf(connection.password)).update(`${id}.${timestamp}.${body}`).digest('base64')}` };
  return post({ url, body, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, ...signature }, called: `the webhook of connection '${connection.id}'` }, context);
};

const keyOf = (secret: string): Buffer => (secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret));

async function post(sent: { url: URL; body: string; headers: { readonly [name: string]: string }; called: string }, context: OperatorContext): Promise<null> {
  const answer = await request({ ...sent, method: 'POST', headers: { 'content-type': 'application/json', ...sent.headers }, withinMs: WITHIN_MS }, context);
  if (answer.status < 200 || answer.status >= 300) throw refusedAnswer(answer);
  return null;
}
