-- Pixels of an image picked again, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- Beat (i, o) of the output is pixel (ROWS(i), COLUMNS(o)) of the input, or part ROW_PARTS(i) +
-- COLUMN_PARTS(o) of it when PARTS > 1; part 0 is least significant. Neither ROWS nor COLUMNS ever decreases.
-- The memory holds one row. The rules are those of `Resample` in core/dataflow.py.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_resample is
  generic (
    HEIGHT       : positive;          -- of the input, in pixels
    WIDTH        : positive;
    BEAT_BITS    : positive;          -- of a beat that goes in
    PARTS        : positive := 1;     -- equal parts of a beat
    ROWS         : integer_vector;
    COLUMNS      : integer_vector;
    ROW_PARTS    : integer_vector := (0 => 0);   -- what is missing at the end is 0
    COLUMN_PARTS : integer_vector := (0 => 0)
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    in_valid  : in  std_logic;
    in_ready  : out std_logic;
    in_data   : in  std_logic_vector(BEAT_BITS - 1 downto 0);
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(BEAT_BITS / PARTS - 1 downto 0)
  );
end entity netloom_resample;

architecture rtl of netloom_resample is

  constant PART_BITS  : positive := BEAT_BITS / PARTS;
  constant OUT_HEIGHT : positive := ROWS'length;
  constant OUT_WIDTH  : positive := COLUMNS'length;

  subtype row_t is natural range 0 to OUT_HEIGHT - 1;
  subtype column_t is natural range 0 to OUT_WIDTH - 1;

  type row_table_t is array (row_t) of natural range 0 to 2 * HEIGHT;
  type column_table_t is array (column_t) of natural range 0 to WIDTH - 1;
  type row_parts_t is array (row_t) of natural range 0 to PARTS - 1;
  type column_parts_t is array (column_t) of natural range 0 to PARTS - 1;
  type memory_t is array (0 to WIDTH - 1) of std_logic_vector(BEAT_BITS - 1 downto 0);

  -- From the row that an output row picks to that of the next, maybe of the next frame.
  function advances return row_table_t is
    alias    rows_of : integer_vector(row_t) is ROWS;
    variable result  : row_table_t;
  begin
    for i in 0 to OUT_HEIGHT - 2 loop
      result(i) := rows_of(i + 1) - rows_of(i);
    end loop;
    result(OUT_HEIGHT - 1) := HEIGHT - rows_of(OUT_HEIGHT - 1) + rows_of(0);
    return result;
  end function advances;

  -- Steps rather than positions: those of regular patterns need little logic. The last one is not used.
  function column_steps return column_table_t is
    alias    columns_of : integer_vector(column_t) is COLUMNS;
    variable result     : column_table_t := (others => 0);
  begin
    for o in 0 to OUT_WIDTH - 2 loop
      result(o) := columns_of(o + 1) - columns_of(o);
    end loop;
    return result;
  end function column_steps;

  function parts_of_rows return row_parts_t is
    alias    given  : integer_vector(0 to ROW_PARTS'length - 1) is ROW_PARTS;
    variable result : row_parts_t := (others => 0);
  begin
    for i in given'range loop
      result(i) := given(i);
    end loop;
    return result;
  end function parts_of_rows;

  function parts_of_columns return column_parts_t is
    alias    given  : integer_vector(0 to COLUMN_PARTS'length - 1) is COLUMN_PARTS;
    variable result : column_parts_t := (others => 0);
  begin
    for o in given'range loop
      result(o) := given(o);
    end loop;
    return result;
  end function parts_of_columns;

  function most(table : row_table_t) return natural is
    variable result : natural := 0;
  begin
    for i in table'range loop
      result := maximum(result, table(i));
    end loop;
    return result;
  end function most;

  constant ADVANCE      : row_table_t    := advances;
  constant COLUMN_STEP  : column_table_t := column_steps;
  constant ROW_PART     : row_parts_t    := parts_of_rows;
  constant COLUMN_PART  : column_parts_t := parts_of_columns;
  constant MOST_ADVANCE : natural        := most(ADVANCE);
  constant FIRST_ROW    : natural        := ROWS(ROWS'left);
  constant FIRST_COLUMN : natural        := COLUMNS(COLUMNS'left);

  -- Writer: the column of the next pixel.
  signal x        : natural range 0 to WIDTH - 1 := 0;
  signal fire     : std_logic;
  signal ready    : std_logic;
  signal ends_row : std_logic;

  -- Reader: the next beat, the column that it picks, and the rows to the next output row.
  signal i          : row_t := 0;
  signal o          : column_t := 0;
  signal column     : natural range 0 to WIDTH - 1 := FIRST_COLUMN;
  signal step       : std_logic;
  signal ends_group : std_logic;

  -- The row being written, counted from the one that the reader picks.
  signal ahead    : integer range -maximum(MOST_ADVANCE, FIRST_ROW) to 1 := -FIRST_ROW;

  signal pixel    : std_logic_vector(BEAT_BITS - 1 downto 0);
  signal part     : natural range 0 to PARTS - 1 := 0;
  signal v        : std_logic := '0';
  signal ce       : std_logic;

begin

  assert BEAT_BITS mod PARTS = 0
    report "a beat has PARTS equal parts"
    severity failure;

  ready    <= '1' when ahead < 1 or (ahead < 1 + ADVANCE(i) and column > x) else '0';
  fire     <= in_valid and ready;
  in_ready <= ready;
  ends_row <= '1' when fire = '1' and x = WIDTH - 1 else '0';

  ce         <= not v or out_ready;
  step       <= ce when ahead > 0 or (ahead = 0 and x > column) else '0';
  ends_group <= step when o = OUT_WIDTH - 1 else '0';

  writer : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        x <= 0;
      elsif fire = '1' then
        if x = WIDTH - 1 then
          x <= 0;
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
        i      <= 0;
        o      <= 0;
        column <= FIRST_COLUMN;
      elsif step = '1' then
        if o /= OUT_WIDTH - 1 then
          o      <= o + 1;
          column <= column + COLUMN_STEP(o);
        else
          o      <= 0;
          column <= FIRST_COLUMN;
          if i = OUT_HEIGHT - 1 then
            i <= 0;
          else
            i <= i + 1;
          end if;
        end if;
      end if;
    end if;
  end process reader;

  distance : process (clk)
    variable moved : integer range -maximum(MOST_ADVANCE, FIRST_ROW) to 2;
  begin
    if rising_edge(clk) then
      if rst = '1' then
        ahead <= -FIRST_ROW;
      else
        moved := ahead;
        if ends_row = '1' then
          moved := moved + 1;
        end if;
        if ends_group = '1' then
          moved := moved - ADVANCE(i);
        end if;
        ahead <= moved;
      end if;
    end if;
  end process distance;

  -- The row is in a variable: a simulator needs far less time and memory for it.
  memory : process (clk)
    variable row : memory_t;
  begin
    if rising_edge(clk) then
      if step = '1' then
        pixel <= row(column);
        part  <= ROW_PART(i) + COLUMN_PART(o);
      end if;
      if fire = '1' then
        row(x) := in_data;
      end if;
    end if;
  end process memory;

  control : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        v <= '0';
      elsif ce = '1' then
        v <= step;
      end if;
    end if;
  end process control;

  out_valid <= v;

  whole : if PARTS = 1 generate
    out_data <= pixel;
  end generate whole;

  cut : if PARTS > 1 generate
    type parts_t is array (0 to PARTS - 1) of std_logic_vector(PART_BITS - 1 downto 0);
    signal pieces : parts_t;
  begin

    pieces_of : for p in 0 to PARTS - 1 generate
      pieces(p) <= pixel((p + 1) * PART_BITS - 1 downto p * PART_BITS);
    end generate pieces_of;

    out_data <= pieces(part);

  end generate cut;

end architecture rtl;
