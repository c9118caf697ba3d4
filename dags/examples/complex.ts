// A graph of 37 commands with many edges across: something for the layout to chew on.
import { bash, dag } from '@dagbook/sdk';

const d = dag('example_complex', { startDate: '2021-01-01', catchup: false, tags: ['example', 'example2', 'example3'] });

const say = (id: string) => d.task(id, bash({ command: `echo '${id}'` }))();
/** A task, and those that read its result. */
const withResults = (id: string, results: readonly string[] = ['result', 'result2']) => {
  const task = say(id);
  for (const result of results) say(`${id}_${result}`).after(task);
  return task;
};

const createEntryGroup = withResults('create_entry_group');
const createEntry = withResults('create_entry_gcs').after(createEntryGroup);
const createTemplate = withResults('create_tag_template').after(createEntry);
const createField = withResults('create_tag_template_field').after(createTemplate);
const createTag = withResults('create_tag').after(createField);
const create = [createEntryGroup, createEntry, createTemplate, createField, createTag];

const deleteTag = say('delete_tag').after(createTag);
const deleteField = say('delete_tag_template_field').after(createTemplate, createField, deleteTag);
const deleteTemplate = say('delete_tag_template').after(deleteField);
const deleteEntryGroup = say('delete_entry_group').after(createEntryGroup, deleteTemplate);
const deleteEntry = say('delete_entry').after(createEntry, deleteEntryGroup);

withResults('get_tag_template', ['result']).after(createTemplate).before(deleteTemplate);
withResults('get_entry', ['result']).after(createEntry).before(deleteEntry);
withResults('get_entry_group', ['result']).after(createEntryGroup).before(deleteEntryGroup);
withResults('list_tags', ['result']).after(createTag).before(deleteTag);
withResults('lookup_entry', ['result']).after(createEntry).before(deleteEntry);
const rename = say('rename_tag_template_field').after(createField).before(deleteField);
withResults('search_catalog', ['result']).after(...create).before(deleteTag, deleteField, deleteTemplate, deleteEntryGroup, deleteEntry);
say('update_entry').after(createEntry).before(deleteEntry);
say('update_tag').after(createTag).before(deleteTag);
say('update_tag_template').after(createTemplate).before(deleteTemplate);
say('update_tag_template_field').after(createField).before(rename);
export default d;
