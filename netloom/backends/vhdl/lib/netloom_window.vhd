-- Sliding windows over an image, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- A beat in is a pixel with its channels. A beat out is a window: element ((r, c), channel) of its
-- KERNEL_H x KERNEL_W pixels, in that order, the first least significant. Windows come in raster order, and
-- what they have outside the image is FILL. The image follows the one before without a gap.
--
-- A pixel may come as SLICES beats, each with CHANNELS of its channels. Then each position has as many windows.
--
-- The last rows are in a ring of memories, one for each row. A column of all rows leaves them at once and
-- enters a shift register, which holds as many columns as a window spans. The rules, and the meaning of
-- ahead, need, advance and step, are in `Window` in core/dataflow.py.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_window is
  generic (
    HEIGHT       : positive;          -- of the input, in pixels
    WIDTH        : positive;
    OUT_HEIGHT   : positive;          -- of the output, in windows
    OUT_WIDTH    : positive;
    KERNEL_H     : positive;
    KERNEL_W     : positive;
    STRIDE_H     : positive := 1;
    STRIDE_W     : positive := 1;
    DILATION_H   : positive := 1;
    DILATION_W   : positive := 1;
    PAD_TOP      : integer := 0;
    PAD_LEFT     : integer := 0;      -- less than the columns that a window spans
    SLICES       : positive := 1;     -- beats of a pixel
    CHANNELS     : positive;          -- of a beat
    ELEMENT_BITS : positive;
    FILL         : std_logic_vector   -- ELEMENT_BITS bits
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    in_valid  : in  std_logic;
    in_ready  : out std_logic;
    in_data   : in  std_logic_vector(CHANNELS * ELEMENT_BITS - 1 downto 0);
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(KERNEL_H * KERNEL_W * CHANNELS * ELEMENT_BITS - 1 downto 0)
  );
end entity netloom_window;

architecture rtl of netloom_window is

  function banks_for(rows, columns : positive) return positive is
  begin
    if columns = 1 then
      return rows + 1;   -- or the writer would wait for the reader, and the reader for the writer
    end if;
    return rows;
  end function banks_for;

  constant ROWS        : positive := (KERNEL_H - 1) * DILATION_H + 1;
  -- Columns are counted in beats.
  constant ROW_BEATS   : positive := WIDTH * SLICES;
  constant APART       : positive := DILATION_W * SLICES;
  constant BANKS       : positive := banks_for(ROWS, ROW_BEATS);
  constant SPAN        : positive := (KERNEL_W - 1) * APART + 1;
  constant FIRST       : integer  := SPAN - 1 - PAD_LEFT * SLICES;
  -- From a row's first window to its last.
  constant ACROSS      : natural  := ((OUT_WIDTH - 1) * STRIDE_W + 1) * SLICES - 1;
  constant STEPS       : positive := maximum(ROW_BEATS, ACROSS + 1);
  constant TAIL        : natural  := maximum(0, ACROSS + FIRST - (STEPS - 1));
  -- Columns between the windows of two positions, and between a row's last window and the next row's first.
  constant SKIPPED     : natural  := (STRIDE_W - 1) * SLICES;
  constant BETWEEN     : natural  := STEPS - ACROSS - 1;

  -- A group is known by the image row of its windows' top, a window by the image column of its left.
  constant FIRST_TOP   : integer  := -PAD_TOP;
  constant LAST_TOP    : integer  := (OUT_HEIGHT - 1) * STRIDE_H - PAD_TOP;
  constant FIRST_LEFT  : integer  := -PAD_LEFT * SLICES;
  constant LAST_LEFT   : integer  := ACROSS + FIRST_LEFT;

  -- How far the bank of a group's top moves to the next group, in a frame and to the next frame.
  constant ROW_TURN    : natural  := STRIDE_H mod BANKS;
  constant FRAME_TURN  : natural  := (HEIGHT - (OUT_HEIGHT - 1) * STRIDE_H) mod BANKS;

  constant PIXEL_BITS  : positive := CHANNELS * ELEMENT_BITS;
  constant COLUMN_BITS : positive := KERNEL_H * PIXEL_BITS;

  subtype pixel_t is std_logic_vector(PIXEL_BITS - 1 downto 0);
  subtype column_t is std_logic_vector(COLUMN_BITS - 1 downto 0);
  subtype window_t is std_logic_vector(KERNEL_W * COLUMN_BITS - 1 downto 0);
  subtype top_t is integer range FIRST_TOP to LAST_TOP;
  subtype bank_t is natural range 0 to BANKS - 1;

  type pixels_t is array (0 to BANKS - 1) of pixel_t;
  type row_t is array (0 to ROW_BEATS - 1) of pixel_t;
  type columns_t is array (0 to SPAN - 1) of column_t;
  type choice_t is array (0 to KERNEL_H - 1) of bank_t;

  function top_after(top : integer) return integer is
  begin
    if top = LAST_TOP then
      return FIRST_TOP;
    end if;
    return top + STRIDE_H;
  end function top_after;

  function base(top : integer) return natural is
  begin
    return minimum(maximum(top, 0), HEIGHT);
  end function base;

  function need_of(top : integer) return integer is
  begin
    return minimum(top + ROWS - 1, HEIGHT - 1) - base(top);
  end function need_of;

  function advance_of(top : integer) return natural is
  begin
    if top = LAST_TOP then
      return HEIGHT - base(LAST_TOP) + base(FIRST_TOP);
    end if;
    return base(top + STRIDE_H) - base(top);
  end function advance_of;

  -- A group ends with ahead at least its need, so these are the bounds of what follows.
  constant MOST_ADVANCE : natural := maximum(STRIDE_H, advance_of(LAST_TOP));
  constant LEAST_NEED   : integer := minimum(-1, need_of(FIRST_TOP));
  constant LEAST_AHEAD  : integer := minimum(-base(FIRST_TOP), LEAST_NEED - MOST_ADVANCE);
  constant MOST_AHEAD   : natural := BANKS + MOST_ADVANCE;

  function turned(bank, turn : natural) return natural is
  begin
    if bank + turn >= BANKS then
      return bank + turn - BANKS;
    end if;
    return bank + turn;
  end function turned;

  function is_inside(position, size : integer) return std_logic is
  begin
    if position >= 0 and position < size then
      return '1';
    end if;
    return '0';
  end function is_inside;

  function filled return pixel_t is
    variable result : pixel_t;
  begin
    for c in 0 to CHANNELS - 1 loop
      result((c + 1) * ELEMENT_BITS - 1 downto c * ELEMENT_BITS) := FILL;
    end loop;
    return result;
  end function filled;

  -- The kernel's rows of one column, from the banks that hold them.
  function column_of(pixels : pixels_t; choice : choice_t; inside : std_logic_vector) return column_t is
    variable result : column_t;
    variable pixel  : pixel_t;
  begin
    for r in 0 to KERNEL_H - 1 loop
      pixel := pixels(choice(r));
      if inside(r) = '0' then
        pixel := filled;
      end if;
      result((r + 1) * PIXEL_BITS - 1 downto r * PIXEL_BITS) := pixel;
    end loop;
    return result;
  end function column_of;

  -- The kernel's columns, the newest of which is columns(0).
  function window_of(columns : columns_t; inside : std_logic_vector) return window_t is
    variable result : window_t;
    variable pixel  : pixel_t;
    variable target : natural;
  begin
    for c in 0 to KERNEL_W - 1 loop
      for r in 0 to KERNEL_H - 1 loop
        pixel := columns((KERNEL_W - 1 - c) * APART)((r + 1) * PIXEL_BITS - 1 downto r * PIXEL_BITS);
        if inside(c) = '0' then
          pixel := filled;
        end if;
        target := r * KERNEL_W + c;
        result((target + 1) * PIXEL_BITS - 1 downto target * PIXEL_BITS) := pixel;
      end loop;
    end loop;
    return result;
  end function window_of;

  -- Writer: the column and bank of the next pixel.
  signal x           : natural range 0 to ROW_BEATS - 1 := 0;
  signal bank        : bank_t := 0;
  signal write       : std_logic_vector(0 to BANKS - 1);
  signal fire        : std_logic;
  signal ready       : std_logic;
  signal ends_row    : std_logic;

  -- Reader: its group, the one that follows, and the next column.
  signal top         : top_t := FIRST_TOP;
  signal following   : top_t := top_after(FIRST_TOP);
  signal top_bank    : bank_t := FIRST_TOP mod BANKS;
  signal need        : integer range LEAST_NEED to ROWS - 1 := need_of(FIRST_TOP);
  signal advance     : natural range 0 to MOST_ADVANCE := advance_of(FIRST_TOP);
  signal j           : natural range 0 to STEPS + TAIL - 1 := 0;
  signal address     : natural range 0 to ROW_BEATS - 1 := 0;
  signal step        : std_logic;
  signal is_pixel    : std_logic;
  signal ends_group  : std_logic;
  signal ends_frame  : std_logic;

  signal ahead       : integer range LEAST_AHEAD to MOST_AHEAD := -base(FIRST_TOP);

  -- The next window: how many columns come before the one that completes it, where it is, and its slice.
  signal remaining   : natural range 0 to maximum(FIRST, maximum(SKIPPED, BETWEEN)) := FIRST;
  signal left        : integer range FIRST_LEFT to LAST_LEFT := FIRST_LEFT;
  signal slice       : natural range 0 to SLICES - 1 := 0;

  -- Of the column that left the memories.
  signal pixels      : pixels_t;
  signal a           : std_logic := '0';
  signal a_completes : std_logic;
  signal a_choice    : choice_t;
  signal a_rows      : std_logic_vector(0 to KERNEL_H - 1);
  signal a_columns   : std_logic_vector(0 to KERNEL_W - 1);

  -- Of the window that may leave.
  signal columns     : columns_t;
  signal v           : std_logic := '0';
  signal v_columns   : std_logic_vector(0 to KERNEL_W - 1);
  signal ce          : std_logic;

begin

  assert FIRST >= 0
    report "no window may end left of the image"
    severity failure;

  assert FILL'length = ELEMENT_BITS
    report "FILL is an element"
    severity failure;

  ready    <= '1' when ahead < BANKS or (ahead < BANKS + advance and j > x) else '0';
  fire     <= in_valid and ready;
  in_ready <= ready;
  ends_row <= '1' when fire = '1' and x = ROW_BEATS - 1 else '0';

  ce         <= not v or out_ready;
  is_pixel   <= '1' when j < ROW_BEATS else '0';
  step       <= ce when is_pixel = '0' or ahead > need or (ahead = need and x > j) else '0';
  ends_frame <= step when j = STEPS + TAIL - 1 and top = LAST_TOP else '0';
  ends_group <= ends_frame when top = LAST_TOP else
                step when j = STEPS - 1 else
                '0';

  writer : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        x    <= 0;
        bank <= 0;
      elsif fire = '1' then
        if x = ROW_BEATS - 1 then
          x    <= 0;
          bank <= turned(bank, 1 mod BANKS);
        else
          x <= x + 1;
        end if;
      end if;
    end if;
  end process writer;

  reader : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        top       <= FIRST_TOP;
        following <= top_after(FIRST_TOP);
        top_bank  <= FIRST_TOP mod BANKS;
        need      <= need_of(FIRST_TOP);
        advance   <= advance_of(FIRST_TOP);
        j         <= 0;
        address   <= 0;
      elsif ends_group = '1' then
        top       <= following;
        following <= top_after(following);
        need      <= need_of(following);
        advance   <= advance_of(following);
        if ends_frame = '1' then
          top_bank <= turned(top_bank, FRAME_TURN);
        else
          top_bank <= turned(top_bank, ROW_TURN);
        end if;
        j       <= 0;
        address <= 0;
      elsif step = '1' then
        if j /= STEPS + TAIL - 1 then
          j <= j + 1;
        end if;
        if address /= ROW_BEATS - 1 then
          address <= address + 1;
        end if;
      end if;
    end if;
  end process reader;

  distance : process (clk)
    variable moved : integer range LEAST_AHEAD to MOST_AHEAD + 1;
  begin
    if rising_edge(clk) then
      if rst = '1' then
        ahead <= -base(FIRST_TOP);
      else
        moved := ahead;
        if ends_row = '1' then
          moved := moved + 1;
        end if;
        if ends_group = '1' then
          moved := moved - advance;
        end if;
        ahead <= moved;
      end if;
    end if;
  end process distance;

  windows : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' or ends_frame = '1' then
        remaining <= FIRST;
        left      <= FIRST_LEFT;
        slice     <= 0;
      elsif step = '1' then
        if remaining /= 0 then
          remaining <= remaining - 1;
        elsif left = LAST_LEFT then
          remaining <= BETWEEN;
          left      <= FIRST_LEFT;
          slice     <= 0;
        elsif slice = SLICES - 1 then
          remaining <= SKIPPED;
          left      <= left + SKIPPED + 1;
          slice     <= 0;
        else
          left  <= left + 1;
          slice <= slice + 1;
        end if;
      end if;
    end if;
  end process windows;

  -- The rows are in variables: a simulator needs far less time and memory for them.
  banks_of_rows : for b in 0 to BANKS - 1 generate

    write(b) <= fire when bank = b else '0';

    memory : process (clk)
      variable row : row_t;
    begin
      if rising_edge(clk) then
        if step = '1' then
          pixels(b) <= row(address);
        end if;
        if write(b) = '1' then
          row(x) := in_data;
        end if;
      end if;
    end process memory;

  end generate banks_of_rows;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        a <= '0';
        v <= '0';
      elsif ce = '1' then
        a <= step;
        v <= a and a_completes;
      end if;
    end if;
  end process control;

  follow : process (clk)
  begin
    if rising_edge(clk) then
      if step = '1' then
        if remaining = 0 then
          a_completes <= '1';
        else
          a_completes <= '0';
        end if;
        for r in 0 to KERNEL_H - 1 loop
          a_choice(r) <= turned(top_bank, r * DILATION_H);
          a_rows(r)   <= is_inside(top + r * DILATION_H, HEIGHT);
        end loop;
        for c in 0 to KERNEL_W - 1 loop
          a_columns(c) <= is_inside(left + c * APART, ROW_BEATS);
        end loop;
      end if;
      if ce = '1' and a = '1' then
        v_columns  <= a_columns;
        columns(0) <= column_of(pixels, a_choice, a_rows);
        for i in 1 to SPAN - 1 loop
          columns(i) <= columns(i - 1);
        end loop;
      end if;
    end if;
  end process follow;

  out_valid <= v;
  out_data  <= window_of(columns, v_columns);

end architecture rtl;
