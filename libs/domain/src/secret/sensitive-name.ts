/** Airflow's `DEFAULT_SENSITIVE_FIELDS`: a name that has one of these in it names a secret. */
const SENSITIVE_WORDS = [
  'access_token', 'api_key', 'apikey', 'authorization', 'connection_string', 'credential', 'keyfile_dict', 'passphrase', 'passwd', 'password', 'private_key',
  'proxies', 'proxy', 'secret', 'service_account', 'token',
];

/** Whether a value under this name is a secret: `aws_secret_access_key`, `apiToken`. */
export const isSensitiveName = (name: string): boolean => {
  const lower = name.toLowerCase();
  return SENSITIVE_WORDS.some((word) => lower.includes(word));
};
