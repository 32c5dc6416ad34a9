// Sums days up to weeks, where a chart has less room than there are days.
import { WHOLE_DAY } from "./format.js";

const WEEK = 7 * WHOLE_DAY;
const MONDAY = -3 * WHOLE_DAY; // 1970 began with a Thursday.
const MOST_DAYS = 35;

/**
 * Returns the chart's data with one bar a week if it has many that stand for days.
 * @template {{starts: number[], bucket: number, series: {counts: number[]}[]}} Bars
 * @param {Bars} bars
 * @returns {Bars}
 */
export function inWeeks(bars) {
  if (bars.bucket !== WHOLE_DAY || bars.starts.length <= MOST_DAYS) return bars;
  const weekOf = bars.starts.map((start) => Math.floor((start - MONDAY) / WEEK));
  const first = weekOf[0];
  const starts = [...new Set(weekOf)].map((week) => week * WEEK + MONDAY);
  const series = bars.series.map((each) => {
    const counts = starts.map(() => 0);
    each.counts.forEach((count, day) => (counts[weekOf[day] - first] += count));
    return { ...each, counts };
  });
  return { ...bars, bucket: WEEK, starts, series };
}
