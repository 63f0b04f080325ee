//! Revokes the marked keys one by one: the silent ones go, the live ones are left and reported.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::Key;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::tui::app::Tables;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::TextField;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupContext, PopupTone, Scroll, content_width, frame, lines};
use crate::tui::text_layout::{draw_line, format_count, key_hints, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RevokeProgress {
    /// Its turn has not come.
    Waiting,
    /// It was left, because it is in use.
    Live,
    /// It is revoked.
    Revoked,
    /// It could not be revoked; why.
    Failed(String),
}

/// The keys, and what became of each.
#[derive(Debug)]
pub struct RevokeManyPopup {
    keys: Vec<(Key, RevokeProgress)>,
    seen: Timestamp,
    typed: TextField,
    armed: bool,
    running: Option<usize>,
    begun: bool,
    scroll: Scroll,
    failed: Option<String>,
}

impl RevokeManyPopup {
    /// For keys whose use was seen up to `seen`.
    pub fn new(keys: Vec<Key>, seen: Timestamp) -> Self {
        let fate =
            |key: &Key| if key.is_in_use(seen) { RevokeProgress::Live } else { RevokeProgress::Waiting };
        Self {
            keys: keys.into_iter().map(|key| (key.clone(), fate(&key))).collect(),
            seen,
            typed: TextField::default(),
            armed: false,
            running: None,
            begun: false,
            scroll: Scroll::default(),
            failed: None,
        }
    }

    fn silent(&self) -> usize {
        self.keys.iter().filter(|(_, fate)| *fate != RevokeProgress::Live).count()
    }

    fn phrase(&self) -> String {
        format!("revoke {}", self.silent())
    }

    fn next(&mut self, context: &mut Context) {
        self.running = self.keys.iter().position(|(_, fate)| *fate == RevokeProgress::Waiting);
        if let Some(at) = self.running {
            let key = &self.keys[at].0;
            let body = RevokeKey { unless_used_since: Some(self.seen), ..RevokeKey::default() };
            context.request(ReplyTo::Popup, ApiRequest::Revoke { kind: key.kind, id: key.id, body });
        }
    }

    fn summary(&self) -> String {
        let count = |wanted: &dyn Fn(&RevokeProgress) -> bool| {
            self.keys.iter().filter(|(_, fate)| wanted(fate)).count()
        };
        let revoked = count(&|f| *f == RevokeProgress::Revoked);
        let live = count(&|f| *f == RevokeProgress::Live);
        let failed = count(&|f| matches!(f, RevokeProgress::Failed(_)));
        let mut parts = vec![format!("{revoked} revoked")];
        if live > 0 {
            parts.push(format!("{live} left because in use"));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        parts.join(", ")
    }
}

impl Popup for RevokeManyPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.begun || self.silent() == 0 { stack::POPUP } else { stack::TEXT }
    }

    fn act(&mut self, cx: &mut PopupContext<'_>, action: Action) -> PopupAction {
        match action {
            Action::Submit if self.armed && !self.begun => {
                if self.typed.text().trim() == self.phrase() {
                    self.begun = true;
                    self.next(cx.context);
                } else {
                    self.failed = Some(format!("Type {} to go on.", self.phrase()));
                }
            }
            Action::ScrollDown | Action::ListDown => {
                self.scroll.by(1);
            }
            Action::ScrollUp | Action::ListUp => self.scroll.by(-1),
            Action::Cancel | Action::Activate if self.running.is_none() => {
                if self.begun {
                    cx.context.notices.info(cx.context.now, self.summary());
                }
                return PopupAction::Close;
            }
            Action::Cancel => {
                // What is on its way is finished; nothing more is begun.
                for (_, fate) in &mut self.keys {
                    if *fate == RevokeProgress::Waiting {
                        *fate = RevokeProgress::Failed("cancelled".to_owned());
                    }
                }
            }
            _ => {}
        }
        PopupAction::Stay
    }

    fn press(&mut self, _cx: &mut PopupContext<'_>, key: KeyCombination) -> PopupAction {
        if self.armed && !self.begun {
            self.typed.handle_key(key);
        }
        PopupAction::Stay
    }

    fn reply(&mut self, cx: &mut PopupContext<'_>, result: Result<Reply, RequestError>) -> PopupAction {
        let Some(at) = self.running.take() else { return PopupAction::Stay };
        let cancelled =
            self.keys.iter().any(|(_, fate)| *fate == RevokeProgress::Failed("cancelled".to_owned()));
        self.keys[at].1 = match result {
            Ok(Reply::Key(key)) => {
                cx.tables.of_mut(key.kind).table.marks.remove(&key.id);
                cx.tables.heard_key(cx.context, *key);
                RevokeProgress::Revoked
            }
            Ok(_) => RevokeProgress::Failed("an answer that was not expected".to_owned()),
            Err(RequestError::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                if let Some(key) = problem.key {
                    cx.tables.heard_key(cx.context, (*key).clone());
                    self.keys[at].0 = *key;
                }
                RevokeProgress::Live
            }
            Err(failure) => {
                cx.context.record_failure(&failure);
                RevokeProgress::Failed(failure.to_string())
            }
        };
        if !cancelled {
            self.next(cx.context);
        }
        PopupAction::Stay
    }

    fn shown(&mut self) {
        self.armed = true;
    }

    fn draw(&self, context: &Context, _tables: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = context.theme();
        let width = content_width(area, 72);
        let columns = usize::from(width);
        let live = self.keys.len() - self.silent();
        let intro = match (self.begun, self.running.is_some()) {
            (false, _) if self.silent() == 0 => {
                "All of them are in use and stay. Revoke such keys one by one.".to_owned()
            }
            (false, _) if live > 0 => {
                format!("{} go, for good; {live} in use stay and are named.", self.silent())
            }
            (false, _) => format!("{} go, for good: their next request gets 401.", self.silent()),
            (true, true) => format!("Revoking: {}", self.summary()),
            (true, false) => format!("Done: {}.", self.summary()),
        };
        let mut head = wrap_paragraph(&intro, theme.style(StyleRole::Strong), columns);
        if let Some(why) = &self.failed {
            head.extend(wrap_paragraph(why, theme.style(StyleRole::Danger), columns));
        }
        head.push(Line::default());
        let asks = !self.begun && self.silent() > 0;
        let tail = if asks { 3 } else { 2 };
        let room = usize::from(area.height.saturating_sub(2)).saturating_sub(head.len() + tail);
        let rows = self.keys.len().min(room);
        let size = (width, u16::try_from(head.len() + rows + tail).unwrap_or(u16::MAX));
        let title = format!("Revoke {} keys", self.keys.len());
        let inside = frame(&title, PopupTone::Danger, size, area, theme, buf);
        let top = self.scroll.first(self.keys.len(), rows);
        let listed =
            self.keys.iter().skip(top).take(rows).map(|(key, fate)| row(key, fate, context, columns));
        let hidden = self.keys.len() - top - rows;
        let more = match hidden {
            0 => Line::default(),
            _ => Line::styled(
                format!("{} more below", format_count(hidden as u64)),
                theme.style(StyleRole::Muted),
            ),
        };
        let above: Vec<Line<'_>> = head.into_iter().chain(listed).chain([more]).collect();
        lines(&above, inside, theme, buf);
        let cancel = context.key_press(Action::Cancel);
        let mut cursor = None;
        let bottom = inside.bottom().saturating_sub(1);
        if asks {
            let label = format!("Type {}", self.phrase());
            let at = inside.x + u16::try_from(label.len()).unwrap_or(0) + 2;
            buf.set_string(inside.x, bottom.saturating_sub(1), &label, theme.style(StyleRole::Accent));
            let place = Rect {
                x: at,
                y: bottom.saturating_sub(1),
                width: inside.right().saturating_sub(at),
                height: 1,
            };
            cursor = self.typed.draw(place, true, theme, buf);
            let keys =
                key_hints(&[(&context.key_press(Action::Submit), "revoke"), (&cancel, "cancel")], theme);
            draw_line(buf, (inside.x, bottom), inside.width, &keys, Style::new(), theme);
        } else {
            let does = if self.running.is_some() { "stop after this one" } else { "close" };
            let keys = key_hints(&[(&cancel, does)], theme);
            draw_line(buf, (inside.x, bottom), inside.width, &keys, Style::new(), theme);
        }
        cursor
    }
}

fn row(key: &Key, fate: &RevokeProgress, context: &Context, columns: usize) -> Line<'static> {
    let theme = context.theme();
    let now = context.server_now();
    let used = key
        .last_used_at
        .map_or_else(|| "never used".to_owned(), |at| format!("used {}", format_ago(at, now)));
    let (role, said) = match fate {
        RevokeProgress::Waiting => (StyleRole::Muted, used),
        RevokeProgress::Live => {
            (StyleRole::InUse, format!("{} stays, {used}", theme.symbol(ThemeSymbol::InUse)))
        }
        RevokeProgress::Revoked => (StyleRole::Strong, "revoked".to_owned()),
        RevokeProgress::Failed(why) => (StyleRole::Danger, text::sanitize_line(why).into_owned()),
    };
    let name = columns.saturating_sub(38).max(12);
    let shown = text::truncate_to_width(&theme.text(&text::sanitize_line(&key.name)), name).into_owned();
    let pad = " ".repeat(name.saturating_sub(text::display_width(&shown)) + 2);
    Line::from(vec![
        Span::raw(shown),
        Span::raw(pad),
        Span::styled(
            format!("{}  ", theme.text(&text::sanitize_line(&key.masked))),
            theme.style(StyleRole::Muted),
        ),
        Span::styled(said, theme.style(role)),
    ])
}
