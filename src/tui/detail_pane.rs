//! The detail pane: every field of the selected key, the clients that used it, and its use over time.
//!
//! It follows the selection of the open tab. The use of a key is requested once the selection has rested on it.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::chart::{self, ChartRange};
use super::context::{Context, ReplyTo};
use super::key_list::KeyList;
use super::keymap::Action;
use super::msg::{ApiRequest, Reply, RequestError, UiTime};
use super::popup::Scroll;
use super::table::CellContext;
use super::text_layout::{draw_line, format_count, labelled_lines, wrap_paragraph};
use super::theme::{StyleRole, ThemeSymbol};
use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberStatus;
use crate::domain::staleness::Flag;
use crate::domain::text::display_width;
use crate::domain::time::{Timestamp, format_ago};
use crate::domain::usage::Usage;
use crate::wire::keys::UsageQuery;

/// Height of the chart in lines: a title, bars, an axis and a blank line.
const CHART_LINES: u16 = 8;
/// How long a key must stay selected before its usage is loaded, so that scrolling through the table sends no requests.
const REQUEST_DELAY: Duration = Duration::from_millis(150);

/// The selected key, as far as the pane needs to know it before a frame is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct SelectedKey {
    kind: KeyKind,
    id: Id,
    use_count: i64,
}

impl From<&Key> for SelectedKey {
    fn from(key: &Key) -> Self {
        Self { kind: key.kind, id: key.id, use_count: key.use_count }
    }
}

/// Identifies the usage that the pane should show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WantedUsage {
    kind: KeyKind,
    id: Id,
    range: ChartRange,
    /// Number of uses according to the key list. When it grows, the usage is loaded again.
    use_count: i64,
}

/// The loaded usage that the pane shows.
#[derive(Debug)]
struct ShownUsage {
    id: Id,
    range: ChartRange,
    /// End of the chart's time range.
    until: Timestamp,
    usage: Usage,
}

/// Pane with the details and the usage of the selected key.
#[derive(Debug, Default)]
pub struct DetailPane {
    pub is_open: bool,
    is_focused: bool,
    scroll: Scroll,
    range: ChartRange,
    shown: Option<ShownUsage>,
    failure: Option<String>,
    wanted: Option<WantedUsage>,
    request_at: Option<UiTime>,
}

impl DetailPane {
    /// Sets the key whose details are shown; `None` if no key is selected.
    pub(super) fn set_key(&mut self, context: &mut Context, key: Option<SelectedKey>) {
        let wanted = key.filter(|_| self.is_open).map(|key| WantedUsage {
            kind: key.kind,
            id: key.id,
            range: self.range,
            use_count: key.use_count,
        });
        if wanted.map(|w| w.id) != self.wanted.map(|w| w.id) {
            self.scroll.scroll_to_top();
        }
        if wanted != self.wanted {
            context.cancel_requests(ReplyTo::Detail);
            self.failure = None;
            self.request_at = wanted.map(|_| context.now.plus(REQUEST_DELAY));
            self.wanted = wanted;
        }
    }

    /// Loads the usage of the shown key once the key has been selected for long enough.
    pub fn tick(&mut self, context: &mut Context) {
        let (Some(wanted), Some(at)) = (self.wanted, self.request_at) else { return };
        if context.now < at {
            return;
        }
        self.request_at = None;
        let to = context.server_now();
        let (from, bucket) = (wanted.range.start(to), wanted.range.bucket_width());
        let query = UsageQuery { from: Some(from), to: Some(to), bucket };
        context.request(ReplyTo::Detail, ApiRequest::Usage { kind: wanted.kind, id: wanted.id, query });
    }

    /// Returns when the usage of the shown key will be loaded; `None` if nothing has to be loaded.
    pub fn wake_at(&self) -> Option<UiTime> {
        self.request_at
    }

    /// Applies the reply with the usage of the shown key.
    pub fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) {
        let Some(wanted) = self.wanted else { return };
        match result {
            Ok(Reply::Usage(usage)) => {
                let (id, range, until) = (wanted.id, wanted.range, context.server_now());
                self.shown = Some(ShownUsage { id, range, until, usage });
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.failure = Some(failure.to_string());
            }
        }
    }

    /// Opens or closes the pane.
    pub fn set_open(&mut self, is_open: bool) {
        (self.is_open, self.is_focused) = (is_open, false);
        self.scroll.scroll_to_top();
    }

    /// Moves the focus into or out of the pane, or scrolls the focused pane. Returns `false` for other actions.
    pub fn run_action(&mut self, action: Action) -> bool {
        match action {
            _ if !self.is_open => return false,
            Action::NextField | Action::PreviousField => self.is_focused = !self.is_focused,
            _ if !self.is_focused => return false,
            Action::Down => self.scroll.scroll_by(1),
            Action::Up => self.scroll.scroll_by(-1),
            Action::PageDown | Action::HalfDown => self.scroll.scroll_by(10),
            Action::PageUp | Action::HalfUp => self.scroll.scroll_by(-10),
            Action::Top => self.scroll.scroll_to_top(),
            Action::Bottom => self.scroll.scroll_to_bottom(),
            _ => return false,
        }
        true
    }

    /// Limits the scroll offset to `max`, the largest useful one. Called after each frame.
    pub fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }

    /// Switches the usage chart to the next longer or shorter time range.
    pub fn change_range(&mut self, longer: bool) {
        self.range = if longer { self.range.longer() } else { self.range.shorter() };
    }

    /// Draws the details of a key. Returns the largest useful scroll offset.
    pub fn draw(
        &self,
        key: &Key,
        context: &Context,
        cells: &CellContext<'_>,
        area: Rect,
        buf: &mut Buffer,
    ) -> usize {
        let mut lines = field_lines(key, context.keys(key.kind), cells, usize::from(area.width));
        let chart_line = lines.len();
        // Blank lines, over which the chart is drawn.
        lines.extend((0..=CHART_LINES).map(|_| Line::default()));
        self.add_clients(key, cells, usize::from(area.width), &mut lines);
        let (skipped, max_scroll) = self.scroll.first_line_and_max(lines.len(), usize::from(area.height));
        for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(skipped)) {
            draw_line(buf, (area.x, y), area.width, line, Style::new(), cells.theme);
        }
        if let Some(y) = (chart_line + 1).checked_sub(skipped).and_then(|rows| u16::try_from(rows).ok()) {
            let chart_area = Rect { y: area.y.saturating_add(y), height: CHART_LINES, ..area };
            if chart_area.bottom() <= area.bottom() {
                self.draw_chart(key, context, cells, chart_area, buf);
            }
        }
        let has_more = lines.len() > skipped + usize::from(area.height);
        if (has_more || self.is_focused) && area.height > 1 && area.width > 20 {
            let tab = context.key_press(Action::NextField);
            let hint = if self.is_focused {
                let (down, up) = (context.key_press(Action::Down), context.key_press(Action::Up));
                format!("scroll with {down} {up}, leave with {tab}")
            } else {
                format!("{tab} scrolls")
            };
            let x = area.right() - u16::try_from(display_width(&hint)).unwrap_or(0).min(area.width);
            let role = if self.is_focused { StyleRole::Accent } else { StyleRole::Muted };
            buf.set_stringn(x, area.y, &hint, usize::from(area.width), cells.theme.style(role));
        }
        max_scroll
    }

    fn draw_chart(
        &self,
        key: &Key,
        context: &Context,
        cells: &CellContext<'_>,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let theme = cells.theme;
        let (shorter, longer) =
            (context.key_press(Action::ShorterChart), context.key_press(Action::LongerChart));
        let hint = format!("{shorter} {longer} time range");
        let title = Line::from(vec![
            Span::styled(format!("Uses over {}", self.range.label()), theme.style(StyleRole::Strong)),
            Span::styled(
                format!(", {}", chart::bucket_unit(self.range.bucket_width())),
                theme.style(StyleRole::Muted),
            ),
        ]);
        draw_line(buf, (area.x, area.y), area.width, &title, Style::new(), theme);
        let x = area.right().saturating_sub(u16::try_from(display_width(&hint)).unwrap_or(0));
        if area.width > 40 {
            buf.set_string(x, area.y, &hint, theme.style(StyleRole::Muted));
        }
        let shown = self.shown.as_ref().filter(|shown| shown.id == key.id && shown.range == self.range);
        if let Some(ShownUsage { range, until, usage, .. }) = shown {
            let since = usage.tracking_since.max(key.created_at);
            let counts = chart::bucket_counts(
                &usage.buckets,
                range.bucket_width(),
                range.start(*until),
                *until,
                since,
            );
            let bars = Rect { y: area.y + 1, height: CHART_LINES - 2, ..area };
            chart::draw_usage_chart(bars, buf, theme, &counts, *range, *until);
        }
    }

    fn add_clients(
        &self,
        key: &Key,
        cells: &CellContext<'_>,
        columns: usize,
        lines: &mut Vec<Line<'static>>,
    ) {
        let theme = cells.theme;
        let muted = theme.style(StyleRole::Muted);
        lines.push(Line::styled("Clients", theme.style(StyleRole::Strong)));
        if let Some(why) = &self.failure {
            lines.extend(wrap_paragraph(why, theme.style(StyleRole::Danger), columns));
            return;
        }
        let Some(ShownUsage { usage, .. }) = self.shown.as_ref().filter(|shown| shown.id == key.id) else {
            lines.push(Line::styled("loading", muted));
            return;
        };
        if usage.clients.is_empty() {
            lines.push(Line::styled("none seen", muted));
        }
        for client in &usage.clients {
            let agent = if client.agent.is_empty() { "an unnamed client" } else { &client.agent };
            lines.push(Line::raw(agent.to_owned()));
            let uses = format_count(u64::try_from(client.count).unwrap_or(0));
            let (first, last) =
                (client.first_seen_at.format_date(), format_ago(client.last_seen_at, cells.rules.now));
            let address = &client.address;
            lines.push(Line::styled(format!("  {address}  {first} to {last}  {uses}×"), muted));
        }
    }
}

/// Formats a time to the second, followed by how long ago it was.
fn exact_time(at: Timestamp, cells: &CellContext<'_>) -> String {
    format!("{} UTC, {}", at.to_chrono().format("%Y-%m-%d %H:%M:%S"), format_ago(at, cells.rules.now))
}

/// Lays out the fields of a key: a label and a value on each line.
fn field_lines(key: &Key, key_list: &KeyList, cells: &CellContext<'_>, columns: usize) -> Vec<Line<'static>> {
    let theme = cells.theme;
    let plain = Style::new();
    let mut out = wrap_paragraph(&theme.text(&key.name), theme.style(StyleRole::Strong), columns);
    out.push(state_line(key, cells));
    out.push(Line::default());
    let mut add = |label: &str, value: &str| out.extend(labelled_lines(label, value, plain, columns, theme));
    add("Secret key", &key.masked);
    add("Last used", &key.last_used_at.map_or_else(|| "Never".to_owned(), |at| exact_time(at, cells)));
    if let Some(by) = &key.last_used_by {
        add("", &format!("by {by}"));
    }
    if key.last_used_at.is_none() && key.revoked_at.is_none() {
        add("", &cells.rules.last_use(key));
    }
    add("Uses", &format_count(u64::try_from(key.use_count).unwrap_or(0)));
    add("Created", &exact_time(key.created_at, cells));
    let by = &key.created_by;
    add("Created by", &format!("{} <{}>", by.name, by.email));
    if by.status != MemberStatus::Active {
        let since =
            by.removed_at.map_or_else(String::new, |at| format!(" {}", format_ago(at, cells.rules.now)));
        add("", &format!("{}{since}", by.status));
    }
    if let Some(note) = &key.note {
        add("Note", note);
    }
    let name_of =
        |id: Id| key_list.get(id).map_or_else(|| id.to_string(), |k| format!("{} {}", k.name, k.masked));
    if let Some(old) = key.replaces {
        add("Replaces", &name_of(old));
    }
    if let Some(new) = key.replaced_by {
        add("Replaced by", &name_of(new));
    }
    if let Some(at) = key.revoked_at {
        add("Revoked", &exact_time(at, cells));
        if let Some(by) = &key.revoked_by {
            add("", &format!("by {}", by.name));
        }
        if let Some(reason) = &key.revoke_reason {
            add("Reason", reason);
        }
    }
    add("Id", &key.id.to_string());
    out
}

/// Lays out the state of a key: in use, its flags, or revoked.
fn state_line(key: &Key, cells: &CellContext<'_>) -> Line<'static> {
    let theme = cells.theme;
    if key.revoked_at.is_some() {
        return Line::styled("revoked", theme.style(StyleRole::Danger));
    }
    let mut spans = Vec::new();
    if key.is_in_use(cells.rules.now) {
        spans.push(Span::styled(
            format!("{} in use", theme.symbol(ThemeSymbol::InUse)),
            theme.style(StyleRole::InUse),
        ));
    }
    for finding in cells.rules.raised_flags(key) {
        if !spans.is_empty() {
            spans.push(Span::styled(
                format!(" {} ", theme.symbol(ThemeSymbol::Dot)),
                theme.style(StyleRole::Muted),
            ));
        }
        let role = if finding.flag == Flag::Orphaned { StyleRole::Orphaned } else { StyleRole::Stale };
        spans.push(Span::styled(finding.flag.label(), theme.style(role)));
    }
    if spans.is_empty() {
        spans.push(Span::styled("in order", theme.style(StyleRole::Muted)));
    }
    Line::from(spans)
}
