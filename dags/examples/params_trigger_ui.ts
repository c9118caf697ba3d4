// Names and languages are asked for when the run is started; each chosen language greets everybody.
import { dag } from '@dagbook/sdk';
import { z } from 'zod';

const d = dag('example_params_trigger_ui', {
  displayName: 'Params Trigger UI', startDate: '2022-03-04', catchup: false, tags: ['example', 'params'],
  doc: 'Greets a list of people in the languages that are ticked in the form.',
  params: z.object({
    names: z.array(z.string()).default(['Linda', 'Martha', 'Thomas']).meta({ title: 'Names to greet', description: 'Who is to be greeted in the logs, a name a line.' }),
    english: z.boolean().default(true).meta({ title: 'English' }),
    german: z.boolean().default(true).meta({ title: 'German (Formal)' }),
    french: z.boolean().default(true).meta({ title: 'French' }),
  }),
});

type Language = 'english' | 'german' | 'french';
const GREETINGS: { readonly [L in Language]: { readonly displayName: string; readonly greet: (name: string) => string } } = {
  english: { displayName: 'Generate English greeting', greet: (name) => `Hello ${name}!` },
  german: { displayName: 'Erzeuge Deutsche Begrüßung', greet: (name) => `Sehr geehrter Herr/Frau ${name}.` },
  french: { displayName: "Produire un message d'accueil en français", greet: (name) => `Bonjour ${name}!` },
};

const chosen = d.task('select_languages', async (_, { params }) => (['english', 'german', 'french'] as const).filter((language) => params[language]), { displayName: 'Select languages' })();
const names = d.task('get_names', async (_, { params }) => params.names, { displayName: 'Get names' })();
const greetIn = (language: Language) => {
  const { displayName, greet } = GREETINGS[language];
  return d.task(`generate_${language}_greeting`, async ({ name }: { name: string }) => greet(name), { displayName }).expand({ name: names });
};

const [english, german, french] = [greetIn('english'), greetIn('german'), greetIn('french')];
d.branch(chosen, { english, german, french });
d.task('print_greetings', async ({ all }: { all: (string[] | null)[] }, { log }) => {
  const greetings = all.flatMap((list) => list ?? []);
  for (const greeting of greetings) log.info(greeting);
  if (greetings.length === 0) log.info('sad, nobody to greet :-(');
}, { displayName: 'Print greetings', triggerRule: 'all_done' })({ all: [english.onSkip(null), german.onSkip(null), french.onSkip(null)] });
export default d;
