// A graph of 37 commands with many edges across: something for the layout to chew on.
import { bash, dag, type Edge } from '@dagbook/sdk';

const d = dag('example_complex', { startDate: '2021-01-01', tags: ['example', 'example2', 'example3'] });

const say = (id: string) => d.task(id, bash({ command: `echo '${id}'` }))();
const chain = (...nodes: Edge[]) => nodes.reduce((up, down) => down.after(up));
/** A task, and those that read its result. */
const withResults = (id: string, results: readonly string[] = ['result', 'result2']) => {
  const task = say(id);
  for (const result of results) say(`${id}_${result}`).after(task);
  return task;
};

const createEntryGroup = withResults('create_entry_group');
const createEntry = withResults('create_entry_gcs');
const createTemplate = withResults('create_tag_template');
const createField = withResults('create_tag_template_field');
const createTag = withResults('create_tag');
chain(createEntryGroup, createEntry, createTemplate, createField, createTag);

const deleteTag = say('delete_tag').after(createTag);
const deleteField = say('delete_tag_template_field').after(createTemplate, createField);
const deleteTemplate = say('delete_tag_template').after(createTemplate);
const deleteEntry = say('delete_entry').after(createEntry);
const deleteEntryGroup = say('delete_entry_group').after(createEntryGroup);
chain(deleteTag, deleteField, deleteTemplate, deleteEntry, deleteEntryGroup);

const getEntryGroup = withResults('get_entry_group', ['result']).after(createEntryGroup);
const getEntry = withResults('get_entry', ['result']).after(createEntry).before(deleteEntry);
const getTemplate = withResults('get_tag_template', ['result']).after(createTemplate).before(deleteTemplate);
const listTags = withResults('list_tags', ['result']).after(createTag).before(deleteTag);
const lookUpEntry = withResults('lookup_entry', ['result']).after(createEntry).before(deleteEntry);
getEntryGroup.before(deleteEntryGroup);
say('rename_tag_template_field').after(createField).before(deleteField);
const search = withResults('search_catalog', ['result']);
chain(createTag, search, deleteEntry);
say('update_entry').after(createEntry, getEntry, lookUpEntry).before(deleteEntry);
say('update_tag').after(createTag, listTags).before(deleteTag);
say('update_tag_template').after(createTemplate, getTemplate).before(deleteTemplate);
say('update_tag_template_field').after(createField).before(deleteField);
export default d;
