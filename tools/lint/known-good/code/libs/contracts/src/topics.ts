export const commands = 'dagbook.commands';
