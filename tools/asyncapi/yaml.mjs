/** Plain data as block YAML: maps in their own order, strings quoted unless nothing else could be meant. */
export function toYaml(value, indent = '') {
  if (Array.isArray(value)) return value.map((item) => `${indent}- ${nested(item, `${indent}  `, true)}`).join('');
  return Object.entries(value).map(([key, item]) => `${indent}${scalar(key)}:${nested(item, `${indent}  `, false)}`).join('');
}

function nested(value, indent, inItem) {
  if (value === null || typeof value !== 'object') return `${inItem ? '' : ' '}${scalar(value)}\n`;
  const isEmpty = Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
  if (isEmpty) return `${inItem ? '' : ' '}${Array.isArray(value) ? '[]' : '{}'}\n`;
  return inItem ? toYaml(value, indent).slice(indent.length) : `\n${toYaml(value, indent)}`;
}

const PLAIN = /^[A-Za-z_$][A-Za-z0-9_$./-]*$/;
const RESERVED = /^(null|true|false|yes|no|on|off|y|n)$/i;
const scalar = (value) => (typeof value === 'string' && PLAIN.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value));
