import { declareOperator } from '../operator.ts';
import type { In, InJson, Operator } from '../types.ts';

export interface EmailOptions {
  /** An SMTP connection: host, port, login, password; extra may hold `from_email`, `ssl` and `starttls`. Default `smtp_default`. */
  connection?: string;
  to: In<string> | readonly In<string>[];
  cc?: In<string> | readonly In<string>[];
  bcc?: In<string> | readonly In<string>[];
  /** Default: the connection's `from_email`, or its login. */
  from?: In<string>;
  subject: In<string>;
  text?: In<string>;
  html?: In<string>;
  /** Files on the worker. */
  attachments?: In<string> | readonly In<string>[];
}

/** Sends a message by SMTP. */
export function email(o: EmailOptions): Operator<{}, { messageId: string; accepted: string[] }> {
  return declareOperator('email', { ...o });
}

/** Posts to a Slack incoming webhook, whose address is the connection's host and password, as in Airflow. Default `slack_default`. */
export function slack(o: { connection?: string; text: In<string>; blocks?: InJson }): Operator<{}, null> {
  return declareOperator('slack', { ...o });
}

/**
 * Posts JSON to the connection's address. A connection with a password signs it as Standard Webhooks do: HMAC-SHA256
 * over `id.timestamp.body` in `webhook-signature`.
 */
export function webhook(o: { connection: string; payload: InJson }): Operator<{}, null> {
  return declareOperator('webhook', { ...o });
}
