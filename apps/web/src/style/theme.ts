import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core';
import { Button, Checkbox, createTheme } from '@mantine/core';

/** The accent from wash to ink; shade 7 on paper, shade 3 on dark paper. */
const accent: MantineColorsTuple = ['#e8ebf5', '#ccd4ec', '#b7c4f4', '#a3b5f2', '#7f93d6', '#5f76bf', '#4259a8', '#27408b', '#1f3472', '#182858'];

/** Mantine's neutrals, warmed to the paper. */
const gray: MantineColorsTuple = ['#faf8f3', '#f3f1ea', '#e9e6dc', '#e3e0d7', '#c8c4b8', '#aba79a', '#75736c', '#5a5e66', '#3a3c40', '#1c1e22'];
const dark: MantineColorsTuple = ['#e6e4de', '#c9c9c6', '#a1a4ab', '#7d858f', '#434750', '#2a2d33', '#1f2228', '#15171b', '#101215', '#0b0c0e'];

export const theme = createTheme({
  primaryColor: 'accent',
  colors: { accent, gray, dark },
  primaryShade: { light: 7, dark: 3 },
  fontFamily: 'var(--sans)',
  fontFamilyMonospace: 'var(--mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '18px' },
  defaultRadius: 4,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: Button.extend({
      defaultProps: { size: 'xs' },
      vars: (_theme, { variant = 'filled' }) => ({ root: variant === 'filled' ? { '--button-color': 'var(--on-accent)' } : {} }),
    }),
    Checkbox: Checkbox.extend({ vars: () => ({ root: { '--checkbox-icon-color': 'var(--on-accent)' } }) }),
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 28 } },
    TextInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.35 }, transitionProps: { duration: 80 } } },
  },
});

/** Mantine draws with our paper and ink, so that one table of tokens rules both. */
const drawn = {
  '--mantine-color-body': 'var(--paper)',
  '--mantine-color-text': 'var(--ink)',
  '--mantine-color-dimmed': 'var(--ink-soft)',
  '--mantine-color-placeholder': 'var(--ink-soft)',
  '--mantine-color-default': 'var(--paper-raised)',
  '--mantine-color-default-hover': 'var(--paper-sunk)',
  '--mantine-color-default-border': 'var(--line-strong)',
  '--mantine-color-default-color': 'var(--ink)',
  '--mantine-color-error': 'var(--state-failed)',
  '--mantine-color-anchor': 'var(--accent)',
  '--mantine-color-gray-light-color': 'var(--ink-soft)',
  '--mantine-color-gray-text': 'var(--ink-soft)',
};

/** Mantine sets its own values once a scheme, so ours must stand in both. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({ variables: {}, light: drawn, dark: drawn });
