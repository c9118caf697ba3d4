import { describe, expect, it } from 'vitest';
import { drawCells, drawSplits, wholeCells } from './row-drawing.ts';

const lefts = (path: string): number[] => [...path.matchAll(/M([\d.]+) /g)].map((match) => Number(match[1]));

describe('drawCells', () => {
  it('puts each state of a row into one pair of paths, a column every 20 px', () => {
    const drawn = drawCells(['success', 'failed', null, 'success']);
    expect(drawn.map((one) => one.state)).toEqual(['failed', 'success']);
    expect(lefts(drawn[1]!.boxes)).toEqual([5, 65]);
    expect(lefts(drawn[1]!.glyphs)).toEqual([6.5, 66.5]);
    expect(lefts(drawn[0]!.boxes)).toEqual([25]);
  });

  it('draws an outline without a glyph for what has not begun', () => {
    expect(drawCells(['none'])).toEqual([{ state: 'none', boxes: expect.stringMatching(/^M5\.25 2\.75h9\.5/), glyphs: '' }]);
  });

  it('draws nothing for nothing', () => {
    expect(drawCells([null])).toEqual([]);
  });
});

describe('drawSplits', () => {
  it('shares a box by count, worst first, and never hides one of a thousand', () => {
    expect(drawSplits([{ success: 999, failed: 1 }])).toEqual([
      { state: 'failed', shares: 'M2 2h2.01v16h-2.01z' },
      { state: 'success', shares: 'M4.01 2h13.99v16h-13.99z' },
    ]);
  });

  it('leaves to the ordinary cell what is all of one state', () => {
    const counts = [{ success: 3 }, null, { success: 1, running: 1 }];
    expect(drawSplits(counts).map((one) => one.state)).toEqual(['running', 'success']);
    expect(wholeCells('SSr', counts)).toEqual(['success', 'success', null]);
    expect(wholeCells('S ', null)).toEqual(['success', null]);
  });
});
