//! Histogram of the keys' last uses: how many keys were last used today, this week, and so on, or never.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::chart_glyphs;
use crate::domain::key::Key;
use crate::domain::time::{DAY, TimeDelta, Timestamp};
use crate::tui::theme::{StyleRole, Theme};

/// Number of keys by age of their last use, without revoked keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastUseHistogram {
    counts: [usize; BINS.len()],
}

/// Label of each bin and the greatest age that it contains. A key is counted in the first bin that contains its last use.
const BINS: [(&str, TimeDelta); 7] = [
    ("today", DAY),
    ("week", TimeDelta::days(7)),
    ("month", TimeDelta::days(30)),
    ("quarter", TimeDelta::days(90)),
    ("year", TimeDelta::days(365)),
    ("longer", TimeDelta::MAX),
    ("never", TimeDelta::MAX),
];

impl LastUseHistogram {
    /// Counts active keys by the age of their last use at `now`.
    pub fn from_keys<'a>(keys: impl IntoIterator<Item = &'a Key>, now: Timestamp) -> Self {
        let mut counts = [0; BINS.len()];
        for key in keys.into_iter().filter(|key| key.revoked_at.is_none()) {
            let span = key.last_used_at.map_or(BINS.len() - 1, |at| {
                let idle = now.since(at);
                BINS.iter().position(|&(_, longest)| idle <= longest).unwrap_or(0)
            });
            counts[span] += 1;
        }
        Self { counts }
    }

    /// Returns the label and the count of each bin to draw. The bin `longer` is left out if it is empty.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, usize)> {
        BINS.iter()
            .zip(self.counts)
            .map(|(&(name, _), n)| (name, n))
            .filter(|&(name, n)| name != "longer" || n > 0)
    }
}

/// Draws the histogram, one row per bin: `quarter ████▌ 12`.
pub fn draw_last_use_histogram(area: Rect, buf: &mut Buffer, theme: Theme, uses: &LastUseHistogram) {
    const LABEL_WIDTH: u16 = 8;
    let area = area.intersection(buf.area);
    let most = uses.rows().map(|(_, n)| n).max().unwrap_or(0).max(1);
    let digits = u16::try_from(most.to_string().len()).unwrap_or(0) + 1;
    let Some(room) = area.width.checked_sub(LABEL_WIDTH + digits).filter(|&room| room > 0) else { return };
    for (y, (name, n)) in (area.y..area.bottom()).zip(uses.rows()) {
        buf.set_string(area.x, y, name, theme.style(StyleRole::Muted));
        let eighths = n * usize::from(room) * 8 / most;
        let bar = format_bar(if n > 0 { eighths.max(1) } else { 0 }, theme.ascii);
        let role = match name {
            "today" | "week" => StyleRole::InUse,
            "month" => StyleRole::Bar,
            _ => StyleRole::Stale,
        };
        let (x, _) = buf.set_stringn(area.x + LABEL_WIDTH, y, &bar, usize::from(room), theme.style(role));
        let space = u16::from(n > 0);
        buf.set_string(x + space, y, n.to_string(), theme.style(StyleRole::Plain));
    }
}

/// Returns a horizontal bar that is `eighths` eighths of a column long.
fn format_bar(eighths: usize, ascii: bool) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if ascii {
        return "#".repeat(eighths.div_ceil(8));
    }
    chart_glyphs(false).eighths[8].repeat(eighths / 8) + PARTS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::buffer_rows;
    use super::*;

    #[test]
    fn the_length_of_a_bar_is_proportional_to_its_count() {
        let uses = LastUseHistogram { counts: [34, 7, 0, 3, 1, 0, 9] };
        let area = Rect::new(0, 0, 30, u16::try_from(uses.rows().count()).unwrap());
        let mut buf = Buffer::empty(area);
        draw_last_use_histogram(area, &mut buf, Theme::default(), &uses);
        insta::assert_snapshot!(buffer_rows(&buf), @r"
        today   ███████████████████ 34
        week    ███▉ 7
        month   0
        quarter █▋ 3
        year    ▌ 1
        never   █████ 9
        ");
    }
}
