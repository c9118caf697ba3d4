// breaks: confined-postgres
import 'pg';
