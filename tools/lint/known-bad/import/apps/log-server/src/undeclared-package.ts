// breaks: packages-are-declared
import 'ajv';
