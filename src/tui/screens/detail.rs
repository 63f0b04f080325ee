//! The detail pane: all facts of the selected key, exact times, the clients that used it, its use over time.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::id::Id;
use crate::domain::key::{Key, KeyKind};
use crate::domain::member::MemberStatus;
use crate::domain::text::display_width;
use crate::domain::time::{Timestamp, format_ago};
use crate::domain::usage::Usage;
use crate::tui::chart::{self, ChartRange};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::key_list::KeyList;
use crate::tui::keymap::Action;
use crate::tui::msg::{ApiRequest, Reply, RequestError, UiTime};
use crate::tui::popup::Scroll;
use crate::tui::table::CellContext;
use crate::tui::text_layout::{draw_line, format_count, labelled_lines, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::UsageQuery;

/// From this width on the pane stands beside the table that it belongs to.
pub const SIDE_FROM: u16 = 110;
/// How wide it is there: a label, and an id or an exact time on one line.
pub const SIDE_WIDTH: u16 = 48;
/// Lines of the chart: title, bars, axis, a blank.
const CHART: u16 = 8;
/// How long the selection rests before the use of its key is asked for.
const REQUEST_DELAY: Duration = Duration::from_millis(150);

/// Whose use is wanted, over which time; the count makes it wanted anew when the key was used meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    kind: KeyKind,
    id: Id,
    range: ChartRange,
    uses: i64,
}

/// Where the pane stands.
#[derive(Debug, Default)]
pub struct State {
    /// Whether it is open.
    pub open: bool,
    /// Whether the keys that move scroll the pane.
    pub focused: bool,
    /// How many lines are scrolled away.
    pub scroll: Scroll,
    /// Over which time the use is shown.
    pub range: ChartRange,
    /// The use of a key, over a range, up to a moment.
    pub usage: Option<(Id, ChartRange, Timestamp, Usage)>,
    /// Why the use is not there.
    pub failed: Option<String>,
    wanted: Option<Wanted>,
    ask_at: Option<UiTime>,
}

impl State {
    /// The selection is on this key now.
    pub fn follow(&mut self, context: &mut Context, key: Option<&Key>) {
        let wanted = key.filter(|_| self.open).map(|key| Wanted {
            kind: key.kind,
            id: key.id,
            range: self.range,
            uses: key.use_count,
        });
        if wanted.map(|w| w.id) != self.wanted.map(|w| w.id) {
            self.scroll.to_top();
        }
        if wanted != self.wanted {
            context.cancel_requests(ReplyTo::Detail);
            self.failed = None;
            self.ask_at = wanted.map(|_| context.now.plus(REQUEST_DELAY));
            self.wanted = wanted;
        }
    }

    /// Asks for the use when the selection has rested.
    pub fn tick(&mut self, context: &mut Context) {
        let (Some(wanted), Some(at)) = (self.wanted, self.ask_at) else { return };
        if context.now < at {
            return;
        }
        self.ask_at = None;
        let to = context.server_now();
        let (from, bucket) = (wanted.range.start(to), wanted.range.bucket_width());
        let query = UsageQuery { from: Some(from), to: Some(to), bucket };
        context.request(ReplyTo::Detail, ApiRequest::Usage { kind: wanted.kind, id: wanted.id, query });
    }

    /// When the selection will have rested.
    pub fn wake_at(&self) -> Option<UiTime> {
        self.ask_at
    }

    /// Takes the use that was asked for.
    pub fn heard(&mut self, context: &mut Context, result: Result<Reply, RequestError>) {
        let Some(wanted) = self.wanted else { return };
        match result {
            Ok(Reply::Usage(usage)) => {
                self.usage = Some((wanted.id, wanted.range, context.server_now(), usage));
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.failed = Some(failure.to_string());
            }
        }
    }

    /// Opens or closes the pane.
    pub fn toggle(&mut self, open: bool) {
        (self.open, self.focused) = (open, false);
        self.scroll.to_top();
    }

    /// Scrolls, where the pane has the focus and the action moves; says whether it did.
    pub fn act(&mut self, action: Action) -> bool {
        match action {
            _ if !self.open => return false,
            Action::NextField | Action::PreviousField => self.focused = !self.focused,
            _ if !self.focused => return false,
            Action::Down => self.scroll.by(1),
            Action::Up => self.scroll.by(-1),
            Action::PageDown | Action::HalfDown => self.scroll.by(10),
            Action::PageUp | Action::HalfUp => self.scroll.by(-10),
            Action::Top => self.scroll.to_top(),
            Action::Bottom => self.scroll.to_bottom(),
            _ => return false,
        }
        true
    }

    /// Shows a longer or shorter time.
    pub fn show(&mut self, longer: bool) {
        self.range = if longer { self.range.longer() } else { self.range.shorter() };
    }
}

/// Draws the pane for a key.
pub fn draw(
    state: &State,
    key: &Key,
    key_list: &KeyList,
    context: &Context,
    look: &CellContext<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let mut facts = facts(key, key_list, look, usize::from(area.width));
    let chart = facts.len();
    clients(state, key, look, usize::from(area.width), &mut facts);
    let skipped = state.scroll.first(facts.len(), usize::from(area.height));
    for (y, line) in (area.y..area.bottom()).zip(facts.iter().skip(skipped)) {
        draw_line(buf, (area.x, y), area.width, line, Style::new(), look.theme);
    }
    if let Some(y) = (chart + 1).checked_sub(skipped).and_then(|rows| u16::try_from(rows).ok()) {
        let place = Rect { y: area.y.saturating_add(y), height: CHART, ..area };
        if place.bottom() <= area.bottom() {
            draw_chart(state, key, context, look, place, buf);
        }
    }
    // What is above or below, and how to get there.
    let more = facts.len() > skipped + usize::from(area.height);
    if (more || state.focused) && area.height > 1 && area.width > 20 {
        let tab = context.key_press(Action::NextField);
        let hint = if state.focused {
            format!(
                "{} {} scroll, {tab} leaves",
                context.key_press(Action::Down),
                context.key_press(Action::Up)
            )
        } else {
            format!("{tab} scrolls")
        };
        let x = area.right() - u16::try_from(display_width(&hint)).unwrap_or(0).min(area.width);
        let role = if state.focused { StyleRole::Accent } else { StyleRole::Muted };
        buf.set_stringn(x, area.y, &hint, usize::from(area.width), look.theme.style(role));
    }
}

fn exactly(at: Timestamp, look: &CellContext<'_>) -> String {
    format!("{} UTC, {}", at.to_chrono().format("%Y-%m-%d %H:%M:%S"), format_ago(at, look.rules.now))
}

fn facts(key: &Key, key_list: &KeyList, look: &CellContext<'_>, columns: usize) -> Vec<Line<'static>> {
    let theme = look.theme;
    let plain = Style::new();
    let mut out = wrap_paragraph(&theme.text(&key.name), theme.style(StyleRole::Strong), columns);
    out.push(standing(key, look));
    out.push(Line::default());
    let mut add = |label: &str, value: &str| out.extend(labelled_lines(label, value, plain, columns, theme));
    add("Secret key", &key.masked);
    add("Last used", &key.last_used_at.map_or_else(|| "Never".to_owned(), |at| exactly(at, look)));
    if let Some(by) = &key.last_used_by {
        add("", &format!("by {by}"));
    }
    if key.last_used_at.is_none() && key.revoked_at.is_none() {
        add("", &look.rules.last_use(key));
    }
    add("Uses", &format_count(u64::try_from(key.use_count).unwrap_or(0)));
    add("Created", &exactly(key.created_at, look));
    let by = &key.created_by;
    add("Created by", &format!("{} <{}>", by.name, by.email));
    if by.status != MemberStatus::Active {
        let since =
            by.removed_at.map_or_else(String::new, |at| format!(" {}", format_ago(at, look.rules.now)));
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
        add("Revoked", &exactly(at, look));
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

/// Bars of the use over the range, once it is known.
fn draw_chart(
    state: &State,
    key: &Key,
    context: &Context,
    look: &CellContext<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let keys = format!(
        "{} {} other times",
        context.key_press(Action::ShorterChart),
        context.key_press(Action::LongerChart)
    );
    let title = Line::from(vec![
        Span::styled(format!("Uses over {}", state.range.draw_label()), theme.style(StyleRole::Strong)),
        Span::styled(
            format!(", {}", chart::bucket_unit(state.range.bucket_width())),
            theme.style(StyleRole::Muted),
        ),
    ]);
    draw_line(buf, (area.x, area.y), area.width, &title, Style::new(), theme);
    let x = area.right().saturating_sub(u16::try_from(display_width(&keys)).unwrap_or(0));
    if area.width > 40 {
        buf.set_string(x, area.y, &keys, theme.style(StyleRole::Muted));
    }
    let known = state.usage.as_ref().filter(|(id, range, ..)| *id == key.id && *range == state.range);
    if let Some((_, range, now, usage)) = known {
        let since = usage.tracking_since.max(key.created_at);
        let series =
            chart::bucket_counts(&usage.buckets, range.bucket_width(), range.start(*now), *now, since);
        let bars = Rect { y: area.y + 1, height: CHART - 2, ..area };
        chart::draw_usage_chart(bars, buf, theme, &series, *range, *now);
    }
}

/// What the key is now, in words: live, its flags with their evidence, or revoked.
fn standing(key: &Key, look: &CellContext<'_>) -> Line<'static> {
    let theme = look.theme;
    if key.revoked_at.is_some() {
        return Line::styled("revoked", theme.style(StyleRole::Danger));
    }
    let mut spans = Vec::new();
    if key.is_in_use(look.rules.now) {
        spans.push(Span::styled(
            format!("{} live", theme.symbol(ThemeSymbol::InUse)),
            theme.style(StyleRole::InUse),
        ));
    }
    for finding in look.rules.raised_flags(key) {
        if !spans.is_empty() {
            spans.push(Span::styled(
                format!(" {} ", theme.symbol(ThemeSymbol::Dot)),
                theme.style(StyleRole::Muted),
            ));
        }
        let role = if finding.flag == crate::domain::staleness::Flag::Orphaned {
            StyleRole::Orphaned
        } else {
            StyleRole::Stale
        };
        spans.push(Span::styled(finding.flag.label(), theme.style(role)));
    }
    if spans.is_empty() {
        spans.push(Span::styled("in order", theme.style(StyleRole::Muted)));
    }
    Line::from(spans)
}

fn clients(state: &State, key: &Key, look: &CellContext<'_>, columns: usize, out: &mut Vec<Line<'static>>) {
    let theme = look.theme;
    let muted = theme.style(StyleRole::Muted);
    // Room for the chart, which is drawn there.
    out.extend((0..=CHART).map(|_| Line::default()));
    if let Some(why) = &state.failed {
        out.push(Line::styled("Clients", theme.style(StyleRole::Strong)));
        out.extend(wrap_paragraph(why, theme.style(StyleRole::Danger), columns));
        return;
    }
    let Some((.., usage)) = state.usage.as_ref().filter(|(id, ..)| *id == key.id) else {
        out.push(Line::styled("Clients", theme.style(StyleRole::Strong)));
        out.push(Line::styled("loading", muted));
        return;
    };
    out.push(Line::styled("Clients", theme.style(StyleRole::Strong)));
    if usage.clients.is_empty() {
        out.push(Line::styled("none seen", muted));
    }
    for client in &usage.clients {
        let agent = crate::domain::text::sanitize_line(&client.agent).into_owned();
        let agent = if agent.is_empty() { "an unnamed client".to_owned() } else { agent };
        out.push(Line::raw(agent));
        out.push(Line::styled(
            format!(
                "  {}  {} to {}  {}×",
                crate::domain::text::sanitize_line(&client.address),
                client.first_seen_at.format_date(),
                format_ago(client.last_seen_at, look.rules.now),
                format_count(u64::try_from(client.count).unwrap_or(0)),
            ),
            muted,
        ));
    }
}
