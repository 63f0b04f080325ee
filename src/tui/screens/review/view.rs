//! Draws the review: what is to be said about all keys, the fleet by last use, the queue, the reasons of the selected key.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::State;
use crate::domain::draft::Draft;
use crate::domain::key::Key;
use crate::domain::member::Permission;
use crate::domain::review::Decision;
use crate::domain::staleness::Flag;
use crate::domain::time::Timestamp;
use crate::tui::app::Tables;
use crate::tui::chart::draw_last_use_histogram;
use crate::tui::context::Context;
use crate::tui::key_list::LoadState;
use crate::tui::keymap::Action;
use crate::tui::popup::lines;
use crate::tui::screens::detail::{self, SIDE_FROM, SIDE_WIDTH};
use crate::tui::screens::keys::{self, sentence};
use crate::tui::screens::members::say;
use crate::tui::table::{CellContext, draw_gutter, highlight_cell};
use crate::tui::text_layout::{draw_line, format_count, wrap_first_lines, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::tui::view::ScrollableRows;

/// From this height of the body on there is a picture and a sentence for each reason.
const TALL: u16 = 17;
/// From this width on the picture has its place.
const WIDE: u16 = 76;
/// How wide it is.
const PICTURE: u16 = 32;

/// Shown while no filter is typed.
const EXAMPLE: &str = "name or mask, flag:orphaned idle:>90d is:live owner:ada";

/// Where things stand in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    summary: Rect,
    picture: Option<Rect>,
    bar: Rect,
    /// The queue with its header.
    pub table: Rect,
    reasons: Rect,
    pane: Option<Rect>,
    side: bool,
}

/// Divides the body.
pub fn places(body: Rect, pane: bool) -> Places {
    let side = pane && body.width >= SIDE_FROM;
    let whole = body;
    let body = if side { Rect { width: body.width - SIDE_WIDTH - 3, ..body } } else { body };
    let beside = Rect { x: body.right() + 2, width: SIDE_WIDTH, ..whole };
    let over = Rect { x: whole.x + 2, width: whole.width.saturating_sub(4), ..whole };
    let pane = pane.then_some(if side { beside } else { over });
    let tall = body.height >= TALL;
    let top = if tall { 7 } else { 1 };
    let below = if tall { 2 } else { 1 };
    let summary = Rect { x: body.x + 1, width: body.width.saturating_sub(2), height: top, ..body };
    let picture = (tall && body.width >= WIDE).then(|| Rect {
        x: body.right() - PICTURE - 1,
        width: PICTURE,
        ..summary
    });
    let summary = Rect { width: summary.width - picture.map_or(0, |p| p.width + 2), ..summary };
    let bar = Rect { y: body.y + top, height: 1, ..body };
    let table = Rect { y: bar.bottom(), height: body.height.saturating_sub(top + 1 + below), ..body };
    let reasons = Rect { y: table.bottom(), height: below, ..summary };
    let reasons = Rect { width: body.width.saturating_sub(2), ..reasons };
    Places { summary, picture, bar, table, reasons, pane, side }
}

/// Draws the tab; gives the cursor's place and the rows that scroll.
pub fn draw(
    tables: &Tables,
    context: &Context,
    body: Rect,
    buf: &mut Buffer,
) -> (Option<(u16, u16)>, Option<ScrollableRows>) {
    let (state, workspace) = (&tables.review, &tables.workspace);
    let look = workspace.look(context);
    if let (Err(why), Some(_)) = (context.check_permission(Permission::Review), &context.me)
        && !context.start.read_only
    {
        let why = wrap_paragraph(
            &sentence(&why),
            look.theme.style(StyleRole::Strong),
            usize::from(body.width.saturating_sub(6)),
        );
        lines(&why, Rect { x: body.x + 3, y: body.y + 2, ..body }, look.theme, buf);
        return (None, None);
    }
    let selected = state.selected(&workspace.key_list);
    let places = places(body, tables.detail.open && selected.is_some());
    if let (Some(pane), Some(key)) = (places.pane, selected) {
        detail::draw(&tables.detail, key, &workspace.key_list, context, &look, pane, buf);
        if !places.side {
            return (None, None);
        }
        for y in pane.y..pane.bottom() {
            buf.set_string(
                pane.x - 2,
                y,
                look.theme.symbol(ThemeSymbol::Divider),
                look.theme.style(StyleRole::Muted),
            );
        }
    }
    draw_summary(state, workspace, &look, places, buf);
    let cursor = draw_bar(state, context, places.bar, buf);
    let key_list = &workspace.key_list;
    if state.table.shown_rows().is_empty() {
        draw_nothing(state, workspace, context, &look, places.table, buf);
        return (cursor, None);
    }
    let columns = Columns::fit(places.table.width);
    columns.header(places.table, &look, buf);
    for (line, &row) in (places.table.y + 1..places.table.bottom()).zip(state.table.visible_rows()) {
        let key = &key_list.keys()[row as usize];
        draw_row(state, key, &columns, &look, (places.table.x, line), buf);
    }
    if let Some(key) = state.selected(key_list) {
        draw_reasons(state, key, &look, places.reasons, buf);
    }
    if places.side {
        return (cursor, None);
    }
    let scroll = ScrollableRows {
        first_row_y: places.table.y + 1,
        rows: places.table.height.saturating_sub(1),
        top: state.table.first_visible(),
        generation: state.table.generation(),
    };
    (cursor, (scroll.rows > 0).then_some(scroll))
}

fn draw_summary(
    state: &State,
    workspace: &keys::State,
    look: &CellContext,
    places: Places,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let key_list = &workspace.key_list;
    let mut said = state.said().to_vec();
    if said.is_empty() && key_list.load_state == LoadState::Complete {
        said.push(match state.waiting() {
            n if n > 0 && !state.search.is_empty() => {
                format!("the filter hides all {}", format_count(n as u64))
            }
            _ => "nothing waits for a decision".to_owned(),
        });
    }
    let columns = usize::from(places.summary.width);
    let lines: Vec<Line<'_>> = if places.summary.height == 1 {
        vec![Line::raw(sentence(&said.join("; ")))]
    } else {
        said.iter().flat_map(|said| wrap_paragraph(&sentence(said), Style::new(), columns)).collect()
    };
    for (y, line) in (places.summary.y..places.summary.bottom()).zip(&lines) {
        draw_line(buf, (places.summary.x, y), places.summary.width, line, Style::new(), theme);
    }
    if let Some(picture) = places.picture {
        buf.set_string(picture.x, picture.y, "Keys by last use", theme.style(StyleRole::Muted));
        let picture = Rect { y: picture.y + 1, height: picture.height - 1, ..picture };
        draw_last_use_histogram(picture, buf, theme, state.last_uses());
    }
}

/// The filter, or what is decided so far on a rule.
fn draw_bar(state: &State, context: &Context, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
    let theme = context.theme();
    if state.search.shows() {
        return state.search.draw(EXAMPLE, context, area, buf);
    }
    let muted = theme.style(StyleRole::Muted);
    let rule = theme.symbol(ThemeSymbol::Rule).repeat(usize::from(area.width.saturating_sub(2)));
    buf.set_stringn(area.x + 1, area.y, rule, usize::from(area.width), muted);
    if !state.drafts.is_empty() {
        let counts = state.drafts.counts();
        let said: Vec<String> = [Decision::Revoke, Decision::Keep, Decision::Rotate, Decision::Skip]
            .into_iter()
            .filter_map(|decision| {
                Some(format!("{decision} {}", format_count(*counts.get(&decision)? as u64)))
            })
            .collect();
        let text = format!(" Decided: {}; {} applies ", said.join(", "), context.key_press(Action::Apply));
        buf.set_stringn(
            area.x + 3,
            area.y,
            text,
            usize::from(area.width.saturating_sub(4)),
            theme.style(StyleRole::Strong),
        );
    }
    None
}

/// Where the cells of a row begin, and how wide they are; 0 is not shown.
struct Columns {
    decision: (u16, u16),
    badge: u16,
    name: (u16, u16),
    mask: (u16, u16),
    reasons: (u16, u16),
}

impl Columns {
    fn fit(columns: u16) -> Self {
        let decision = (3, 7);
        let badge = 11;
        let rest = columns.saturating_sub(13);
        let name = (13, if columns >= 60 { (rest / 3).clamp(18, 40) } else { rest.saturating_sub(12) });
        let mask = (13 + name.1 + 1, 11);
        let reasons = mask.0 + mask.1 + 1;
        Self { decision, badge, name, mask, reasons: (reasons, columns.saturating_sub(reasons + 1)) }
    }

    fn header(&self, area: Rect, look: &CellContext, buf: &mut Buffer) {
        let style = look.theme.style(StyleRole::Muted);
        let titles = [
            ("Decided", self.decision),
            ("Name", self.name),
            ("Secret key", self.mask),
            ("Why it is here", self.reasons),
        ];
        for (title, (x, width)) in titles {
            buf.set_stringn(area.x + x, area.y, title, usize::from(width), style);
        }
    }
}

fn draw_row(
    state: &State,
    key: &Key,
    columns: &Columns,
    look: &CellContext,
    (x, y): (u16, u16),
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let marked = state.table.marks.contains(&key.id);
    let selected = state.table.selected_id() == Some(key.id);
    draw_gutter(selected, marked, (x, y), theme, buf);
    let mut cell = |(at, width): (u16, u16), line: &Line<'_>| {
        if width > 0 {
            draw_line(buf, (x + at, y), width, line, Style::new(), theme);
        }
    };
    if let Some(draft) = state.drafts.get(key.id) {
        let (word, role) = decision_word(draft);
        cell(columns.decision, &Line::styled(word, theme.style(role)));
    }
    if key.is_in_use(look.rules.now) {
        cell(
            (columns.badge, 1),
            &Line::styled(theme.symbol(ThemeSymbol::InUse), theme.style(StyleRole::InUse)),
        );
    }
    cell(columns.name, &Line::raw(key.name.as_str()));
    cell(columns.mask, &Line::styled(key.masked.as_str(), theme.style(StyleRole::Muted)));
    let role = if look.rules.flags(key).has(Flag::Orphaned) { StyleRole::Orphaned } else { StyleRole::Stale };
    cell(columns.reasons, &Line::styled(look.rules.reasons(key), theme.style(role)));
    if selected {
        highlight_cell(Rect { x: x + columns.mask.0, y, width: columns.mask.1, height: 1 }, theme, buf);
    }
}

fn decision_word(draft: &Draft) -> (&'static str, StyleRole) {
    match draft.decision {
        _ if draft.refused.is_some() => ("refused", StyleRole::Danger),
        Decision::Revoke => ("revoke", StyleRole::Danger),
        Decision::Keep => ("keep", StyleRole::InUse),
        Decision::Rotate => ("rotate", StyleRole::Accent),
        Decision::Skip => ("skip", StyleRole::Muted),
    }
}

/// All reasons of the selected key; of a decided one, what is decided.
fn draw_reasons(state: &State, key: &Key, look: &CellContext, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let mut said = look.rules.reasons(key);
    let mut role = StyleRole::Plain;
    if let Some(draft) = state.drafts.get(key.id) {
        match &draft.refused {
            Some(why) => {
                let why = why.trim_end_matches('.');
                (said, role) = (format!("Not done: {why}. {said}"), StyleRole::Danger);
            }
            None if draft.decision == Decision::Keep => {
                let until = draft.until.map_or("until it gets worse".to_owned(), |at| {
                    format!("until {}", Timestamp::format_date(at))
                });
                let note = draft.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
                said = format!("Keep {until}{note}. {said}");
            }
            None => {}
        }
    }
    let columns = usize::from(area.width);
    let said = theme.text(&said).into_owned();
    let lines = wrap_first_lines(&said, theme.style(role), columns, usize::from(area.height));
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        draw_line(buf, (area.x, y), area.width, line, Style::new(), theme);
    }
}

fn draw_nothing(
    state: &State,
    workspace: &keys::State,
    context: &Context,
    look: &CellContext,
    area: Rect,
    buf: &mut Buffer,
) {
    let said = match (&workspace.key_list.load_state, &state.history) {
        (LoadState::Failed(why), _) | (_, LoadState::Failed(why)) => {
            format!("{} {} tries again.", sentence(why), context.key_press(Action::Refresh))
        }
        (LoadState::Complete, _) if !state.search.is_empty() => {
            format!("No key of the queue passes the filter. {} clears it.", context.key_press(Action::Cancel))
        }
        (LoadState::Complete, LoadState::Complete) => {
            "All organization keys are in order, or kept by an earlier decision.".to_owned()
        }
        _ => "Loading keys and earlier decisions.".to_owned(),
    };
    say(&said, area, look, buf);
}
