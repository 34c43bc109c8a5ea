/* The screen. libvterm keeps it cell by cell, which costs up to a microsecond per scrolled line and row
 * of 80; a program that writes 100 MB of log would be held up by a screen that nobody looks at. So a
 * long run of plain lines ("text\r\n", only printable ASCII, not wider than the screen) is not drawn:
 * all but the last screenful go straight into the scrollback as the text that they are.
 *
 * That is right only when lines really scroll off the top and letters mean themselves, which depends on
 * modes, margins and character sets that libvterm does not show. So it is asked by trying: lines are
 * fed until each pushes exactly one line off the top and stands above the cursor, then every printable
 * character is drawn on the empty last line and read back. The answer holds until anything but plain
 * lines arrives. */
#include "nodeagent/session/screen.h"

#include "bus/foundation/limits.h"
#include "nodeagent/session/scrollback.h"

#include <stdlib.h>
#include <string.h>
#include <vterm.h>

enum {
	DRAWN_AT_ONCE = 4 * 1024, /* bytes that one call draws cell by cell */
	PROBE_COLUMNS = 16,	  /* letters tried at once: must not wrap, whatever the line's width */
	PLAIN_COLUMNS_LEAST = 40,
	FIRST_PRINTABLE = 0x20,
	LAST_PRINTABLE = 0x7E,
	CELL_BYTES_MAX = VTERM_MAX_CHARS_PER_CELL * 4,
};

struct screen {
	VTerm *vterm;
	VTermScreen *cells;
	struct scrollback scrollback;
	int cols, rows;
	size_t pushed;	 /* lines that left at the top, ever */
	bool push_quiet; /* they are in the scrollback already */
	bool plain;	 /* tried and true: see above; the cursor is at the start of an empty line */
	screen_answer answer;
	void *context;
};

static size_t put_character(uint32_t character, char *into)
{
	if (character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF) || character < FIRST_PRINTABLE)
		character = 0xFFFD;
	if (character < 0x80) {
		into[0] = (char)character;
		return 1;
	}
	size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
	for (size_t i = size - 1; i > 0; i--) {
		into[i] = (char)(0x80 | (character & 0x3F));
		character >>= 6;
	}
	into[0] = (char)((0xF00 >> size) | character);
	return size;
}

static size_t put_cell(const VTermScreenCell *cell, char *into)
{
	const uint32_t right_half_of_wide = (uint32_t)-1;
	if (cell->chars[0] == right_half_of_wide)
		return 0;
	if (cell->chars[0] == 0) {
		into[0] = ' ';
		return 1;
	}
	size_t size = 0;
	for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i] != 0; i++)
		size += put_character(cell->chars[i], into + size);
	return size;
}

static int on_push_line(int cols, const VTermScreenCell *cells, void *user)
{
	struct screen *screen = user;
	screen->pushed++;
	if (screen->push_quiet)
		return 1;
	char line[TERMINAL_SIDE_MAX * CELL_BYTES_MAX];
	size_t size = 0;
	for (int col = 0; col < cols && col < TERMINAL_SIDE_MAX; col++)
		size += put_cell(&cells[col], line + size);
	scrollback_add(&screen->scrollback, line, size);
	return 1;
}

static void on_answer(const char *data, size_t size, void *user)
{
	struct screen *screen = user;
	if (screen->answer != NULL)
		screen->answer(screen->context, data, size);
}

static const VTermScreenCallbacks callbacks = {.sb_pushline = on_push_line};

static bool open_vterm(struct screen *screen)
{
	screen->vterm = vterm_new(screen->rows, screen->cols);
	if (screen->vterm == NULL)
		return false;
	vterm_set_utf8(screen->vterm, 1);
	vterm_output_set_callback(screen->vterm, on_answer, screen);
	screen->cells = vterm_obtain_screen(screen->vterm);
	vterm_screen_set_callbacks(screen->cells, &callbacks, screen);
	vterm_screen_set_damage_merge(screen->cells, VTERM_DAMAGE_SCROLL);
	vterm_screen_enable_altscreen(screen->cells, 1);
	vterm_screen_reset(screen->cells, 1);
	return true;
}

void screen_fit(uint32_t *cols, uint32_t *rows)
{
	if (*cols < 1)
		*cols = 1;
	if (*cols > TERMINAL_SIDE_MAX)
		*cols = TERMINAL_SIDE_MAX;
	if (*rows < 1)
		*rows = 1;
	if (*rows > SESSION_CELLS_MAX / *cols)
		*rows = SESSION_CELLS_MAX / *cols;
	if (*rows > TERMINAL_SIDE_MAX)
		*rows = TERMINAL_SIDE_MAX;
}

struct screen *screen_new(uint32_t cols, uint32_t rows, screen_answer answer, void *context)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	if (screen == NULL)
		return NULL;
	screen_fit(&cols, &rows);
	screen->cols = (int)cols;
	screen->rows = (int)rows;
	screen->answer = answer;
	screen->context = context;
	if (!scrollback_open(&screen->scrollback) || !open_vterm(screen)) {
		screen_free(screen);
		return NULL;
	}
	return screen;
}

void screen_free(struct screen *screen)
{
	if (screen == NULL)
		return;
	if (screen->vterm != NULL)
		vterm_free(screen->vterm);
	scrollback_close(&screen->scrollback);
	free(screen);
}

void screen_resize(struct screen *screen, uint32_t cols, uint32_t rows)
{
	screen_fit(&cols, &rows);
	screen->plain = false;
	screen->cols = (int)cols;
	screen->rows = (int)rows;
	vterm_set_size(screen->vterm, screen->rows, screen->cols);
}

/* ---- plain lines ---- */

struct lines {
	size_t count;
	size_t size;
};

static bool is_printable(char byte)
{
	return byte >= FIRST_PRINTABLE && byte <= LAST_PRINTABLE;
}

/* Bytes of one plain line at `data`, its end included; 0 when it is none. */
static size_t plain_line(const struct screen *screen, const char *data, size_t size)
{
	size_t most = size < (size_t)screen->cols ? size : (size_t)screen->cols;
	size_t length = 0;
	while (length < most && is_printable(data[length]))
		length++;
	if (size - length < 2 || data[length] != '\r' || data[length + 1] != '\n')
		return 0;
	return length + 2;
}

/* The whole plain lines at the start of `data`. */
static struct lines plain_lines(const struct screen *screen, const char *data, size_t size)
{
	struct lines lines = {0};
	for (;;) {
		size_t line = plain_line(screen, data + lines.size, size - lines.size);
		if (line == 0)
			return lines;
		lines.size += line;
		lines.count++;
	}
}

static VTermPos cursor(const struct screen *screen)
{
	VTermPos position;
	vterm_state_get_cursorpos(vterm_obtain_state(screen->vterm), &position);
	return position;
}

static bool has_single_width(const struct screen *screen)
{
	const VTermState *vterm = vterm_obtain_state(screen->vterm);
	const VTermLineInfo *line = vterm_state_get_lineinfo(vterm, cursor(screen).row);
	return !line->doublewidth;
}

static void draw(struct screen *screen, const char *data, size_t size)
{
	vterm_input_write(screen->vterm, data, size);
}

static bool letters_mean_themselves(struct screen *screen)
{
	bool same = true;
	int row = cursor(screen).row;
	for (char first = FIRST_PRINTABLE; same && first < LAST_PRINTABLE; first += PROBE_COLUMNS) {
		char letters[PROBE_COLUMNS];
		int count = 0;
		while (count < PROBE_COLUMNS && first + count <= LAST_PRINTABLE) {
			letters[count] = (char)(first + count);
			count++;
		}
		draw(screen, letters, (size_t)count);
		for (int col = 0; same && col < count; col++) {
			VTermScreenCell cell;
			vterm_screen_get_cell(screen->cells, (VTermPos){.row = row, .col = col}, &cell);
			same = cell.chars[0] == (uint32_t)letters[col] && cell.chars[1] == 0;
		}
		draw(screen, "\r", 1);
		if (first > LAST_PRINTABLE - PROBE_COLUMNS)
			break;
	}
	static const char erase_line[] = "\x1b[2K";
	draw(screen, erase_line, sizeof(erase_line) - 1);
	return same;
}

static size_t row_text(const struct screen *screen, int row, char *into)
{
	size_t size = 0;
	for (int col = 0; col < screen->cols; col++) {
		VTermScreenCell cell;
		vterm_screen_get_cell(screen->cells, (VTermPos){.row = row, .col = col}, &cell);
		size += put_cell(&cell, into + size);
	}
	while (size > 0 && into[size - 1] == ' ')
		size--;
	return size;
}

/* True when the line just drawn stands above the cursor. Of a blank one nobody can tell; and inside an
 * unfinished control string lines end, but their text is swallowed. */
static bool came_out(const struct screen *screen, const char *line, size_t size)
{
	char text[TERMINAL_SIDE_MAX * CELL_BYTES_MAX];
	int row = cursor(screen).row - 1;
	while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r' || line[size - 1] == ' '))
		size--;
	return size > 0 && row >= 0 && row_text(screen, row, text) == size && memcmp(text, line, size) == 0;
}

/* Draws lines from the front of `lines` until it is known whether the rest may go the fast way.
 * Returns the bytes drawn. */
static size_t try_plain(struct screen *screen, const char *data, struct lines *lines)
{
	size_t drawn = 0;
	int in_a_row = 0;
	bool seen = false;
	for (int tries = 0; tries < screen->rows + 8 && !seen && lines->count > 0; tries++) {
		size_t before = screen->pushed;
		size_t line = plain_line(screen, data + drawn, lines->size);
		draw(screen, data + drawn, line);
		in_a_row = screen->pushed == before + 1 ? in_a_row + 1 : 0;
		seen = in_a_row >= 2 && came_out(screen, data + drawn, line);
		drawn += line;
		lines->size -= line;
		lines->count--;
	}
	screen->plain = seen && screen->cols >= PLAIN_COLUMNS_LEAST && cursor(screen).col == 0 &&
			has_single_width(screen) && letters_mean_themselves(screen);
	return drawn;
}

/* Takes plain lines, at least as many as the screen has rows, while the screen is plain: the rows above
 * the cursor and all lines but the last go into the scrollback, the last lines are drawn. */
static void fast_forward(struct screen *screen, const char *data, struct lines lines)
{
	int kept = cursor(screen).row;
	for (int row = 0; row < kept; row++) {
		char text[TERMINAL_SIDE_MAX * CELL_BYTES_MAX];
		scrollback_add(&screen->scrollback, text, row_text(screen, row, text));
	}
	size_t gone = lines.count - (size_t)kept;
	size_t at = 0;
	for (size_t i = 0; i < gone; i++) {
		const char *end = memchr(data + at, '\r', lines.size - at);
		size_t length = (size_t)(end - (data + at));
		if (gone - i <= OUTPUT_LINES_MAX)
			scrollback_add(&screen->scrollback, data + at, length);
		at += length + 2;
	}
	screen->push_quiet = true;
	draw(screen, data + at, lines.size - at);
	screen->push_quiet = false;
}

/* Everything up to and with the next end of a line, at most DRAWN_AT_ONCE. */
static size_t other_size(const char *data, size_t size)
{
	size_t most = size < DRAWN_AT_ONCE ? size : DRAWN_AT_ONCE;
	const char *end = memchr(data, '\n', most);
	return end == NULL ? most : (size_t)(end - data) + 1;
}

size_t screen_write(struct screen *screen, const char *data, size_t size)
{
	size_t worth_it = 4 * (size_t)screen->rows; /* lines */
	size_t taken = 0;
	size_t drawn = 0;
	while (taken < size && drawn < DRAWN_AT_ONCE) {
		struct lines lines = plain_lines(screen, data + taken, size - taken);
		if (lines.count >= worth_it) {
			if (!screen->plain) {
				size_t tried = try_plain(screen, data + taken, &lines);
				taken += tried;
				drawn += tried;
			}
			if (screen->plain && lines.count > (size_t)screen->rows) {
				fast_forward(screen, data + taken, lines);
				taken += lines.size;
				continue;
			}
		}
		size_t other = lines.size;
		if (other > DRAWN_AT_ONCE) {
			other = DRAWN_AT_ONCE;
			screen->plain = false;
		} else if (other == 0) {
			other = other_size(data + taken, size - taken);
			screen->plain = false;
		}
		draw(screen, data + taken, other);
		taken += other;
		drawn += other;
	}
	return taken;
}

/* ---- text ---- */

struct screen_text screen_text(struct screen *screen, uint32_t lines, struct arena *arena)
{
	size_t row_bytes_max = (size_t)screen->cols * CELL_BYTES_MAX + 1;
	char *row_buffer = malloc(row_bytes_max);
	char *whole = malloc(SESSION_TEXT_BYTES_MAX);
	if (row_buffer == NULL || whole == NULL)
		abort();
	/* from the bottom up, written from the end of `whole` to its start */
	size_t at = SESSION_TEXT_BYTES_MAX;
	uint32_t rows = 0;
	bool full = false;
	for (int row = screen->rows - 1; row >= 0 && !full && (lines == 0 || rows < lines); row--) {
		size_t size = row_text(screen, row, row_buffer);
		if (size == 0 && rows == 0)
			continue;
		row_buffer[size++] = '\n';
		full = size > at;
		if (full)
			break;
		at -= size;
		memcpy(whole + at, row_buffer, size);
		rows++;
	}
	if (lines > rows && !full) {
		size_t above = scrollback_measure(&screen->scrollback, lines - rows, at);
		at -= above;
		scrollback_copy(&screen->scrollback, whole + at, above);
	}
	struct screen_text text = {.size = SESSION_TEXT_BYTES_MAX - at, .screen_lines = rows};
	text.text = arena_copy(arena, whole + at, text.size);
	free(row_buffer);
	free(whole);
	return text;
}
