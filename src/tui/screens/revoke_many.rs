//! Popup that revokes the marked keys one after another, once the user has typed a phrase. Keys in use are kept and listed.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::domain::key::Key;
use crate::domain::text;
use crate::domain::time::{Timestamp, format_ago};
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::TextField;
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Reply, RequestError};
use crate::tui::popup::{
    Popup, PopupAction, PopupFrame, PopupTone, Scroll, content_width, draw_frame, draw_lines,
};
use crate::tui::text_layout::{action_hints, draw_line, format_count, wrap_paragraph};
use crate::tui::theme::{StyleRole, ThemeSymbol};
use crate::wire::keys::RevokeKey;
use crate::wire::problem::ProblemType;

/// Progress of revoking one of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RevokeProgress {
    /// The request has not been sent.
    Queued,
    /// The key is in use, so it is not revoked.
    InUse,
    Revoked,
    /// The user stopped the run before the request was sent.
    Cancelled,
    /// The request failed for this reason.
    Failed(String),
}

#[derive(Debug)]
pub struct RevokeManyPopup {
    keys: Vec<(Key, RevokeProgress)>,
    /// Server time up to which the user has seen the keys' usage. The server refuses to revoke keys that were used later.
    seen: Timestamp,
    typed: TextField,
    /// Whether a frame with the popup was written; confirmations are ignored before that.
    armed: bool,
    /// Index of the key whose request is in flight.
    running: Option<usize>,
    begun: bool,
    scroll: Scroll,
    error: Option<String>,
}

impl RevokeManyPopup {
    /// Creates the popup for keys whose usage is known up to `seen`.
    pub fn new(keys: Vec<Key>, seen: Timestamp) -> Self {
        let progress =
            |key: &Key| if key.is_in_use(seen) { RevokeProgress::InUse } else { RevokeProgress::Queued };
        Self {
            keys: keys.into_iter().map(|key| (key.clone(), progress(&key))).collect(),
            seen,
            typed: TextField::default(),
            armed: false,
            running: None,
            begun: false,
            scroll: Scroll::default(),
            error: None,
        }
    }

    /// Returns the number of keys that are not in use.
    fn count_silent(&self) -> usize {
        self.keys.iter().filter(|(_, progress)| *progress != RevokeProgress::InUse).count()
    }

    fn phrase(&self) -> String {
        format!("revoke {}", self.count_silent())
    }

    fn send_next(&mut self, context: &mut Context) {
        self.running = self.keys.iter().position(|(_, progress)| *progress == RevokeProgress::Queued);
        if let Some(at) = self.running {
            let key = &self.keys[at].0;
            let body = RevokeKey { unless_used_since: Some(self.seen), ..RevokeKey::default() };
            context.request(ReplyTo::Popup, ApiRequest::Revoke { kind: key.kind, id: key.id, body });
        }
    }

    fn summary(&self) -> String {
        let count = |is_counted: &dyn Fn(&RevokeProgress) -> bool| {
            self.keys.iter().filter(|(_, progress)| is_counted(progress)).count()
        };
        let revoked = count(&|progress| *progress == RevokeProgress::Revoked);
        let in_use = count(&|progress| *progress == RevokeProgress::InUse);
        let failed =
            count(&|progress| matches!(progress, RevokeProgress::Cancelled | RevokeProgress::Failed(_)));
        let mut parts = vec![format!("{revoked} revoked")];
        if in_use > 0 {
            parts.push(format!("{in_use} kept (in use)"));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        parts.join(", ")
    }
}

impl Popup for RevokeManyPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.begun || self.count_silent() == 0 { stack::POPUP } else { stack::TEXT }
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit if self.armed && !self.begun => {
                if self.typed.text().trim() == self.phrase() {
                    self.begun = true;
                    self.send_next(context);
                } else {
                    self.error = Some(format!("Type {} to continue.", self.phrase()));
                }
            }
            Action::ScrollDown | Action::ListDown => {
                self.scroll.scroll_by(1);
            }
            Action::ScrollUp | Action::ListUp => self.scroll.scroll_by(-1),
            Action::Cancel | Action::Activate if self.running.is_none() => {
                if self.begun {
                    context.notices.info(context.now, self.summary());
                }
                return PopupAction::Close;
            }
            Action::Cancel => {
                // The request in flight completes; no further one is sent.
                for (_, progress) in &mut self.keys {
                    if *progress == RevokeProgress::Queued {
                        *progress = RevokeProgress::Cancelled;
                    }
                }
            }
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, _context: &mut Context, key: KeyCombination) -> PopupAction {
        if self.armed && !self.begun {
            self.typed.handle_key(key);
        }
        PopupAction::Stay
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        let Some(at) = self.running.take() else { return PopupAction::Stay };
        let mut revoked = None;
        self.keys[at].1 = match result {
            Ok(Reply::Key(key)) => {
                revoked = Some(key.id);
                context.apply_key(*key);
                RevokeProgress::Revoked
            }
            Ok(_) => RevokeProgress::Failed("unexpected reply from the server".to_owned()),
            Err(RequestError::Refused(problem)) if problem.kind == ProblemType::UsedSince => {
                if let Some(key) = problem.key {
                    context.apply_key((*key).clone());
                    self.keys[at].0 = *key;
                }
                RevokeProgress::InUse
            }
            Err(failure) => {
                context.record_failure(&failure);
                RevokeProgress::Failed(failure.to_string())
            }
        };
        self.send_next(context);
        revoked.map_or(PopupAction::Stay, PopupAction::Unmark)
    }

    fn mark_shown(&mut self) {
        self.armed = true;
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let width = content_width(area, 72);
        let columns = usize::from(width);
        let silent = self.count_silent();
        let in_use = self.keys.len() - silent;
        let intro = match (self.begun, self.running.is_some()) {
            (false, _) if silent == 0 => {
                "All of these keys are in use and will be kept. Keys in use can only be revoked one at a time.".to_owned()
            }
            (false, _) if in_use > 0 => {
                format!(
                    "{} will be revoked for good; {} in use will be kept, as listed.",
                    count_keys(silent),
                    count_keys(in_use)
                )
            }
            (false, _) => {
                format!("{} will be revoked for good; requests with them will get 401.", count_keys(silent))
            },
            (true, true) => format!("Revoking: {}", self.summary()),
            (true, false) => format!("Done: {}.", self.summary()),
        };
        let mut head = wrap_paragraph(&intro, theme.style(StyleRole::Strong), columns);
        if let Some(why) = &self.error {
            head.extend(wrap_paragraph(why, theme.style(StyleRole::Danger), columns));
        }
        head.push(Line::default());
        let needs_phrase = !self.begun && silent > 0;
        let tail = if needs_phrase { 3 } else { 2 };
        let room = usize::from(area.height.saturating_sub(2)).saturating_sub(head.len() + tail);
        let rows = self.keys.len().min(room);
        let size = (width, u16::try_from(head.len() + rows + tail).unwrap_or(u16::MAX));
        let title = format!("Revoke {} keys", self.keys.len());
        let inside = draw_frame(&title, PopupTone::Danger, size, area, theme, buf);
        let (top, max_scroll) = self.scroll.first_line_and_max(self.keys.len(), rows);
        let listed = self
            .keys
            .iter()
            .skip(top)
            .take(rows)
            .map(|(key, progress)| layout_row(key, progress, context, columns));
        let hidden = self.keys.len() - top - rows;
        let more = match hidden {
            0 => Line::default(),
            _ => Line::styled(
                format!("{} more below", format_count(hidden as u64)),
                theme.style(StyleRole::Muted),
            ),
        };
        let above: Vec<Line<'_>> = head.into_iter().chain(listed).chain([more]).collect();
        draw_lines(&above, inside, theme, buf);
        let mut cursor = None;
        let bottom = inside.bottom().saturating_sub(1);
        let hints = if needs_phrase {
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
            action_hints(&[(Action::Submit, "revoke"), (Action::Cancel, "cancel")], context)
        } else {
            let verb = if self.running.is_some() { "stop after this key" } else { "close" };
            action_hints(&[(Action::Cancel, verb)], context)
        };
        draw_line(buf, (inside.x, bottom), inside.width, &hints, Style::new(), theme);
        PopupFrame { cursor, max_scroll }
    }

    fn clamp_scroll(&mut self, max: usize) {
        self.scroll.clamp(max);
    }
}

/// Returns a number of keys with the noun, such as `1 key` or `12 keys`.
fn count_keys(count: usize) -> String {
    if count == 1 { "1 key".to_owned() } else { format!("{} keys", format_count(count as u64)) }
}

fn layout_row(key: &Key, progress: &RevokeProgress, context: &Context, columns: usize) -> Line<'static> {
    let theme = context.theme();
    let now = context.server_now();
    let used = key
        .last_used_at
        .map_or_else(|| "never used".to_owned(), |at| format!("used {}", format_ago(at, now)));
    let (role, status) = match progress {
        RevokeProgress::Queued => (StyleRole::Muted, used),
        RevokeProgress::InUse => {
            (StyleRole::InUse, format!("{} kept, {used}", theme.symbol(ThemeSymbol::InUse)))
        }
        RevokeProgress::Revoked => (StyleRole::Strong, "revoked".to_owned()),
        RevokeProgress::Cancelled => (StyleRole::Danger, "cancelled".to_owned()),
        RevokeProgress::Failed(why) => (StyleRole::Danger, text::sanitize_line(why).into_owned()),
    };
    let name = columns.saturating_sub(38).max(12);
    let shown = text::truncate_to_width(&theme.text(&key.name), name).into_owned();
    let pad = " ".repeat(name.saturating_sub(text::display_width(&shown)) + 2);
    Line::from(vec![
        Span::raw(shown),
        Span::raw(pad),
        Span::styled(format!("{}  ", theme.text(&key.masked)), theme.style(StyleRole::Muted)),
        Span::styled(status, theme.style(role)),
    ])
}
