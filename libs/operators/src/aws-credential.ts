import { type Connection, extraText } from './connection.ts';

/** Credentials as Airflow keeps them in an AWS connection. Absent ones are left to the environment of the worker. */
export interface AwsCredentials {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
}

export function awsCredentials(connection: Connection): AwsCredentials {
  return {
    accessKeyId: connection.login ?? extraText(connection, 'aws_access_key_id'),
    secretAccessKey: connection.password ?? extraText(connection, 'aws_secret_access_key'),
    sessionToken: extraText(connection, 'aws_session_token'),
    region: extraText(connection, 'region_name'),
    endpoint: extraText(connection, 'endpoint_url') ?? (connection.host?.includes('://') === true ? connection.host : undefined),
  };
}

/** The same for the AWS CLI: secrets reach it through its environment, never as arguments. */
export function awsEnvironment(connection: Connection): { readonly [name: string]: string } {
  const { accessKeyId, secretAccessKey, sessionToken, region, endpoint } = awsCredentials(connection);
  const environment = {
    AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken, AWS_DEFAULT_REGION: region, AWS_ENDPOINT_URL: endpoint,
  };
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
