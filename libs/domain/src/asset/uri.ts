/** As many characters as Airflow's column holds. */
const MAX_LENGTH = 1_500;

interface Rule {
  readonly rule: string;
  readonly remedy: string;
}

/** Why this cannot name an asset; undefined: it can. A URI with a scheme, or any other name. */
export function assetUriRule(uri: unknown): Rule | undefined {
  if (typeof uri !== 'string' || uri.trim() === '' || uri.length > MAX_LENGTH) return { rule: `is no text of 1 to ${MAX_LENGTH} characters`, remedy: "name the asset like 's3://lake/orders'" };
  if (uri !== uri.trim() || hasControl(uri)) return { rule: 'begins or ends with a blank, or holds a control character', remedy: 'take it out, so that equal assets are named alike' };
  const colon = uri.indexOf('://');
  if (colon === -1) return undefined;
  if (!/^[A-Za-z][A-Za-z0-9+.-]*$/.test(uri.slice(0, colon))) return { rule: 'has no scheme before its ://, which is a letter followed by letters, digits or + . -', remedy: "write it like 's3://lake/orders'" };
  if (uri.length === colon + 3) return { rule: 'names nothing behind its scheme', remedy: "say what it is, like 's3://lake/orders'" };
  return uri.toLowerCase().startsWith('airflow:') ? { rule: 'has the scheme "airflow", which Airflow keeps for itself', remedy: 'use another scheme' } : undefined;
}

/** The same of the name of an alias. */
export function assetAliasRule(name: unknown): Rule | undefined {
  const isName = typeof name === 'string' && name.trim() !== '' && name === name.trim() && name.length <= MAX_LENGTH && !hasControl(name);
  return isName ? undefined : { rule: `is no text of 1 to ${MAX_LENGTH} characters without blanks around it`, remedy: "name the alias like 'todays-orders'" };
}

function hasControl(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
