-- An ensemble of decision trees in memories that can be written at run time, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- y(k) = base(k) + sum over all trees of their leaf's value for output k, modulo 2**Y_BITS
--
-- Each of the ENGINES walks TREES trees, of which STEP are under way by turns; every walk takes DEPTH steps
-- (see netloom_tree_engine; a walk that has come to its leaf earlier waits there). x is taken in the cycle of
-- `start`, and may change after it. The next start may come INTERVAL cycles later:
--
--   STEP     = 1 + BLOCK_NODES + SELECT_REGISTER
--   GROUPS   = ceil(TREES / STEP)
--   INTERVAL = GROUPS * DEPTH * STEP + BLOCK_NODES
--
-- The sums of the engines are complete INTERVAL + 2 + SELECT_REGISTER + BLOCK_LEAVES cycles after start. They are
-- added in a tree, which has a register behind level i where REGISTERS(i) is '1' (level 0 are the engines'
-- sums, which have one always).
--
-- Words are written in any cycle with `write`, also without ce: place PLACE_BITS - 1 .. 0 of the page that
-- the bits above name. Page FIRST_PAGE + 2 * e are the nodes of engine e, the page after it its leaves; page
-- FIRST_PAGE + 2 * ENGINES is the base, a word for each output. A sample that is under way while words are
-- written may meet old ones and new ones.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.netloom_fx.all;

entity netloom_forest is
  generic (
    ENGINES         : positive;
    TREES           : positive;          -- of each engine
    DEPTH           : positive;          -- comparisons on the longest way
    FEATURES        : positive;
    FEATURE_BITS    : positive;
    X_BITS          : positive;
    X_SIGNED        : boolean;
    OUTPUTS         : positive;
    CLASS_BITS      : natural;
    Y_BITS          : positive;
    NODE_BITS       : positive;
    LEAF_BITS       : positive;
    BLOCK_NODES     : boolean;
    BLOCK_LEAVES    : boolean;
    SELECT_REGISTER : boolean;
    REGISTERS       : std_logic_vector;  -- (0 to levels of the adder tree)
    ADDRESS_BITS    : positive;
    PLACE_BITS      : positive;
    FIRST_PAGE      : natural;
    NODES           : std_logic_vector;  -- first contents, engine 0 in the least significant bits
    LEAVES          : std_logic_vector;
    BASE            : std_logic_vector
  );
  port (
    clk           : in  std_logic;
    rst           : in  std_logic;
    ce            : in  std_logic;
    start         : in  std_logic;
    x             : in  std_logic_vector(FEATURES * X_BITS - 1 downto 0);
    y             : out std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);
    write         : in  std_logic;
    write_address : in  std_logic_vector(ADDRESS_BITS - 1 downto 0);
    write_data    : in  std_logic_vector
  );
end entity netloom_forest;

architecture rtl of netloom_forest is

  constant STEP      : positive := 1 + boolean'pos(BLOCK_NODES) + boolean'pos(SELECT_REGISTER);
  constant GROUPS    : positive := (TREES + STEP - 1) / STEP;
  constant LAST      : natural  := (GROUPS - 1) * STEP;          -- first tree of the last group
  constant FLAGS     : positive := STEP + 1 + boolean'pos(BLOCK_LEAVES);
  constant LEVELS    : natural  := REGISTERS'length - 1;
  constant PAGE_BITS : positive := ADDRESS_BITS - PLACE_BITS;

  -- Sums of one output behind a level of the adder tree.
  function left_after(level : natural) return positive is
    variable count : positive := ENGINES;
  begin
    for i in 1 to level loop
      count := (count + 1) / 2;
    end loop;
    return count;
  end function left_after;

  -- Bits of all sums of the levels before one.
  function bits_before(level : natural) return natural is
    variable bits : natural := 0;
  begin
    for i in 0 to level - 1 loop
      bits := bits + left_after(i) * OUTPUTS * Y_BITS;
    end loop;
    return bits;
  end function bits_before;

  -- Neighbours added; of `count` vectors of sums become half as many.
  function added(v : std_logic_vector; count : positive) return std_logic_vector is
    constant HALF   : positive := (count + 1) / 2;
    variable result : std_logic_vector(HALF * OUTPUTS * Y_BITS - 1 downto 0);
    variable sum    : unsigned(Y_BITS - 1 downto 0);
    variable target : natural;
  begin
    for i in 0 to HALF - 1 loop
      for k in 0 to OUTPUTS - 1 loop
        sum := unsigned(elem(v, 2 * i * OUTPUTS + k, Y_BITS));
        if 2 * i + 1 < count then
          sum := sum + unsigned(elem(v, (2 * i + 1) * OUTPUTS + k, Y_BITS));
        end if;
        target := i * OUTPUTS + k;
        result((target + 1) * Y_BITS - 1 downto target * Y_BITS) := std_logic_vector(sum);
      end loop;
    end loop;
    return result;
  end function added;

  -- Of the node that is read: the first tree of its group, the level, the tree's place in the group.
  signal first     : natural range 0 to LAST := 0;
  signal level     : natural range 0 to DEPTH - 1 := 0;
  signal slot      : natural range 0 to STEP - 1 := 0;
  signal busy      : std_logic := '0';
  signal works     : std_logic;

  signal held      : std_logic_vector(x'length - 1 downto 0);
  signal is_root   : std_logic;
  signal root      : std_logic_vector(NODE_BITS - 1 downto 0);

  -- Of the walks whose last node was read so many cycles ago: whether there is one; the first of a sample.
  signal takes     : std_logic_vector(0 to FLAGS);
  signal begins    : std_logic_vector(0 to FLAGS);

  signal start_y   : std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0) := BASE;
  signal sums      : std_logic_vector(bits_before(LEVELS + 1) - 1 downto 0);
  signal page      : unsigned(PAGE_BITS - 1 downto 0);

begin

  works <= start or busy;

  advance : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        busy  <= '0';
        slot  <= 0;
        level <= 0;
        first <= 0;
      elsif ce = '1' and works = '1' then
        busy <= '1';
        if slot /= STEP - 1 then
          slot <= slot + 1;
        else
          slot <= 0;
          if level /= DEPTH - 1 then
            level <= level + 1;
          else
            level <= 0;
            if first = LAST then
              first <= 0;
              busy  <= '0';
            else
              first <= first + STEP;
            end if;
          end if;
        end if;
      end if;
    end if;
  end process advance;

  is_root   <= '1' when level = 0 else '0';
  root      <= std_logic_vector(to_unsigned(first + slot, NODE_BITS));
  takes(0)  <= works when level = DEPTH - 1 and first + slot < TREES else '0';
  begins(0) <= '1' when first + slot = 0 else '0';

  follow : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        takes(1 to FLAGS) <= (others => '0');
      elsif ce = '1' then
        takes(1 to FLAGS)  <= takes(0 to FLAGS - 1);
        begins(1 to FLAGS) <= begins(0 to FLAGS - 1);
      end if;
    end if;
  end process follow;

  hold : process (clk)
  begin
    if rising_edge(clk) then
      if ce = '1' and start = '1' then
        held <= x;
      end if;
    end if;
  end process hold;

  page <= unsigned(write_address(ADDRESS_BITS - 1 downto PLACE_BITS));

  -- Not cleared by a reset, as the memories are not.
  write_base : process (clk)
  begin
    if rising_edge(clk) then
      if write = '1' and page = FIRST_PAGE + 2 * ENGINES then
        for k in 0 to OUTPUTS - 1 loop
          if unsigned(write_address(PLACE_BITS - 1 downto 0)) = k then
            start_y((k + 1) * Y_BITS - 1 downto k * Y_BITS) <= write_data(Y_BITS - 1 downto 0);
          end if;
        end loop;
      end if;
    end if;
  end process write_base;

  engine : for e in 0 to ENGINES - 1 generate
    constant NODE_COUNT : positive := NODES'length / ENGINES;
    constant LEAF_COUNT : positive := LEAVES'length / ENGINES;
    constant INDEX_BITS : positive := maximum(NODE_BITS, LEAF_BITS);
    signal first_y      : std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);
    signal write_node   : std_logic;
    signal write_leaf   : std_logic;
  begin

    write_node <= write when page = FIRST_PAGE + 2 * e else '0';
    write_leaf <= write when page = FIRST_PAGE + 2 * e + 1 else '0';
    first_y    <= start_y when e = 0 else (others => '0');

    walk : entity work.netloom_tree_engine
      generic map (
        FEATURES        => FEATURES,
        FEATURE_BITS    => FEATURE_BITS,
        X_BITS          => X_BITS,
        X_SIGNED        => X_SIGNED,
        OUTPUTS         => OUTPUTS,
        CLASS_BITS      => CLASS_BITS,
        Y_BITS          => Y_BITS,
        NODE_BITS       => NODE_BITS,
        LEAF_BITS       => LEAF_BITS,
        BLOCK_NODES     => BLOCK_NODES,
        BLOCK_LEAVES    => BLOCK_LEAVES,
        SELECT_REGISTER => SELECT_REGISTER,
        NODES           => NODES((e + 1) * NODE_COUNT - 1 downto e * NODE_COUNT),
        LEAVES          => LEAVES((e + 1) * LEAF_COUNT - 1 downto e * LEAF_COUNT)
      )
      port map (
        clk           => clk,
        ce            => ce,
        x             => held,
        begins_walk   => is_root,
        root          => root,
        takes         => takes(FLAGS),
        begins        => begins(FLAGS),
        start_y       => first_y,
        y             => sums((e + 1) * OUTPUTS * Y_BITS - 1 downto e * OUTPUTS * Y_BITS),
        write_node    => write_node,
        write_leaf    => write_leaf,
        write_address => write_address(INDEX_BITS - 1 downto 0),
        write_data    => write_data
      );

  end generate engine;

  tree : for l in 1 to LEVELS generate
    constant BELOW : natural := bits_before(l - 1);
    constant HERE  : natural := bits_before(l);
    constant ABOVE : natural := bits_before(l + 1);
  begin

    clocked : if REGISTERS(REGISTERS'left + l) = '1' generate
      add : process (clk)
      begin
        if rising_edge(clk) then
          if ce = '1' then
            sums(ABOVE - 1 downto HERE) <= added(sums(HERE - 1 downto BELOW), left_after(l - 1));
          end if;
        end if;
      end process add;
    end generate clocked;

    direct : if REGISTERS(REGISTERS'left + l) /= '1' generate
      sums(ABOVE - 1 downto HERE) <= added(sums(HERE - 1 downto BELOW), left_after(l - 1));
    end generate direct;

  end generate tree;

  y <= sums(sums'high downto bits_before(LEVELS));

end architecture rtl;
