import { Button, Group, Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRefresh } from '../api/live.ts';
import { Failure } from '../part/view-state.tsx';
import { useText } from '../text/text.ts';
import style from './dialog.module.css';

/** Asks once more before something stored is gone. */
export function DeleteDialog({ name, listKey, remove, onClose }: { readonly name: string; readonly listKey: readonly string[]; readonly remove: () => Promise<unknown>; readonly onClose: () => void }) {
  const text = useText();
  const refresh = useRefresh();
  const deleting = useMutation({
    mutationFn: remove,
    onSuccess: async () => {
      onClose();
      await refresh(listKey);
    },
  });
  return (
    <Modal opened onClose={onClose} title={text.remove.title(name)} closeButtonProps={{ 'aria-label': text.word.close }} data-testid="delete-dialog">
      <div className={style.form}>
        <p className={style.hint}>{text.remove.hint}</p>
        {deleting.error !== null && <Failure failure={deleting.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.word.cancel}</Button>
          <Button color="red" data-autofocus loading={deleting.isPending} onClick={() => deleting.mutate()}>{text.remove.submit}</Button>
        </Group>
      </div>
    </Modal>
  );
}
