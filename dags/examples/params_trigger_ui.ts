// Names and languages are asked for when the run is started; each chosen language greets everybody.
import { dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_params_trigger_ui', {
  startDate: '2022-03-04', tags: ['example', 'params'],
  doc: 'Greets a list of people in the languages that are ticked in the form.',
  params: z.object({
    names: z.array(z.string()).default(['Linda', 'Martha', 'Thomas']).describe('Who is to be greeted, a name a line'),
    english: z.boolean().default(true),
    german: z.boolean().default(true),
    french: z.boolean().default(true),
  }),
});

const GREETINGS = { english: 'Hello', german: 'Sehr geehrter', french: 'Bonjour' } as const;
type Language = keyof typeof GREETINGS;

const names = d.task('get_names', async (_, { params }) => params.names)();
const chosen = d.task('select_languages', async (_, { params }) => (Object.keys(GREETINGS) as Language[]).filter((language) => params[language]))();
const greet = (language: Language) => d.task(`generate_${language}_greeting`, async ({ name }: { name: string }) => `${GREETINGS[language]} ${name}!`).expand({ name: names });

const [english, german, french] = [greet('english'), greet('german'), greet('french')];
d.branch(chosen, { english, german, french });
d.task('print_greetings', async ({ all }: { all: string[][] }, { log }) => {
  for (const greeting of all.flat()) log.info(greeting);
  return all.flat().length;
}, { triggerRule: 'none_failed_min_one_success' })({ all: [english.onSkip([]), german.onSkip([]), french.onSkip([])] });
export default d;
