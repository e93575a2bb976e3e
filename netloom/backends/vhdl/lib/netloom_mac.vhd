-- Constant matrix product with shared multipliers, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- y(row, o) = bias(o) + sum over i of x(row, i) * w(i, o), modulo 2**Y_BITS
--
-- One sample takes REUSE cycles, and INPUTS * OUTPUTS / REUSE multipliers for each row. Cycle r works
--
--   REUSE <= INPUTS:     on INPUTS / REUSE inputs from r * INPUTS / REUSE on, for all outputs;
--   REUSE = INPUTS * k:  on input r mod INPUTS, for OUTPUTS / k outputs from (r / INPUTS) * OUTPUTS / k on.
--
-- x is taken in the cycle of `start`, and may change after it; the next start may come REUSE cycles later.
-- The weights of a cycle are a word of a memory outside: they are at `weights` ROM_CYCLES cycles after
-- their number was at `address`, output by output, each with its inputs in order. The biases of a group
-- of outputs are at `bias` one cycle after its number was at `group`.
--
-- Stages: 0 load x; 1 address; ROM_CYCLES later, products; additions, with a register behind level i of the
-- adder tree where REGISTERS(i) is '1' (level 0 are the multipliers, which have one always); accumulators.
-- Let A be the accumulators' stage, which is 1 + ROM_CYCLES + the number of ones in REGISTERS. y is there
-- A + REUSE cycles after start, and stays until the accumulators take the next sample.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.netloom_fx.all;

entity netloom_mac is
  generic (
    ROWS         : positive;
    INPUTS       : positive;
    OUTPUTS      : positive;
    REUSE        : positive;
    X_BITS       : positive;
    X_SIGNED     : boolean;
    W_BITS       : positive;
    Y_BITS       : positive;
    WORD_BITS    : positive;          -- weights of one cycle
    BIAS_BITS    : positive;          -- biases of one group of outputs
    ADDRESS_BITS : positive;
    GROUP_BITS   : positive;
    ROM_CYCLES   : positive;
    REGISTERS    : std_logic_vector   -- (0 to levels of the adder tree)
  );
  port (
    clk     : in  std_logic;
    rst     : in  std_logic;
    ce      : in  std_logic;
    start   : in  std_logic;
    x       : in  std_logic_vector(ROWS * INPUTS * X_BITS - 1 downto 0);
    address : out std_logic_vector(ADDRESS_BITS - 1 downto 0);
    weights : in  std_logic_vector(WORD_BITS - 1 downto 0);
    reading : out std_logic;          -- whether the word of `address` will be used
    group_n : out std_logic_vector(GROUP_BITS - 1 downto 0);
    bias    : in  std_logic_vector(BIAS_BITS - 1 downto 0);
    y       : out std_logic_vector(ROWS * OUTPUTS * Y_BITS - 1 downto 0)
  );
end entity netloom_mac;

architecture rtl of netloom_mac is

  constant TERMS    : positive := maximum(INPUTS / REUSE, 1);   -- inputs of one cycle
  constant GROUPS   : positive := maximum(REUSE / INPUTS, 1);   -- groups of outputs
  constant TOGETHER : positive := OUTPUTS / GROUPS;             -- outputs of one group
  constant TURNS    : positive := minimum(REUSE, INPUTS);       -- cycles for one group
  constant LINES    : positive := ROWS * TOGETHER;              -- sums under way
  constant LEVELS   : natural  := REGISTERS'length - 1;

  -- Partial sums of one line behind a level of the adder tree.
  function left_after(level : natural) return positive is
    variable count : positive := TERMS;
  begin
    for i in 1 to level loop
      count := (count + 1) / 2;
    end loop;
    return count;
  end function left_after;

  -- Bits of all partial sums of the levels before one.
  function bits_before(level : natural) return natural is
    variable bits : natural := 0;
  begin
    for i in 0 to level - 1 loop
      bits := bits + LINES * left_after(i) * Y_BITS;
    end loop;
    return bits;
  end function bits_before;

  -- The stage in which a level of the adder tree works; the accumulators are the level above all.
  function stage_of(level : natural) return positive is
    variable stage : positive := 1 + ROM_CYCLES;
  begin
    for i in 0 to level - 1 loop
      if REGISTERS(REGISTERS'left + i) = '1' then
        stage := stage + 1;
      end if;
    end loop;
    return stage;
  end function stage_of;

  -- The inputs of the next cycle move to the front of each row.
  function rotated(v : std_logic_vector) return std_logic_vector is
    alias    old    : std_logic_vector(v'length - 1 downto 0) is v;
    variable result : std_logic_vector(v'length - 1 downto 0);
    variable source : natural;
    variable target : natural;
  begin
    for row in 0 to ROWS - 1 loop
      for i in 0 to INPUTS - 1 loop
        target := row * INPUTS + i;
        source := row * INPUTS + (i + TERMS) mod INPUTS;
        result((target + 1) * X_BITS - 1 downto target * X_BITS) := elem(old, source, X_BITS);
      end loop;
    end loop;
    return result;
  end function rotated;

  -- The inputs at the front of each row.
  function front(v : std_logic_vector) return std_logic_vector is
    variable result : std_logic_vector(ROWS * TERMS * X_BITS - 1 downto 0);
    variable target : natural;
  begin
    for row in 0 to ROWS - 1 loop
      for i in 0 to TERMS - 1 loop
        target := row * TERMS + i;
        result((target + 1) * X_BITS - 1 downto target * X_BITS) := elem(v, row * INPUTS + i, X_BITS);
      end loop;
    end loop;
    return result;
  end function front;

  -- Line by line, the products of its terms.
  function multiplied(a, w : std_logic_vector) return std_logic_vector is
    variable result : std_logic_vector(LINES * TERMS * Y_BITS - 1 downto 0);
    variable value  : std_logic_vector(X_BITS - 1 downto 0);
    variable left   : signed(X_BITS downto 0);
    variable right  : signed(W_BITS - 1 downto 0);
    variable target : natural;
  begin
    for row in 0 to ROWS - 1 loop
      for o in 0 to TOGETHER - 1 loop
        for i in 0 to TERMS - 1 loop
          value := elem(a, row * TERMS + i, X_BITS);
          left  := signed('0' & value);
          if X_SIGNED then
            left(X_BITS) := value(X_BITS - 1);
          end if;
          right  := signed(elem(w, o * TERMS + i, W_BITS));
          target := (row * TOGETHER + o) * TERMS + i;
          result((target + 1) * Y_BITS - 1 downto target * Y_BITS) :=
            std_logic_vector(ext(product(left, right), Y_BITS));
        end loop;
      end loop;
    end loop;
    return result;
  end function multiplied;

  -- Neighbours added; `count` partial sums of each line become half as many.
  function added(v : std_logic_vector; count : positive) return std_logic_vector is
    constant HALF   : positive := (count + 1) / 2;
    variable result : std_logic_vector(LINES * HALF * Y_BITS - 1 downto 0);
    variable sum    : signed(Y_BITS - 1 downto 0);
    variable target : natural;
  begin
    for l in 0 to LINES - 1 loop
      for i in 0 to HALF - 1 loop
        sum := signed(elem(v, l * count + 2 * i, Y_BITS));
        if 2 * i + 1 < count then
          sum := sum + signed(elem(v, l * count + 2 * i + 1, Y_BITS));
        end if;
        target := l * HALF + i;
        result((target + 1) * Y_BITS - 1 downto target * Y_BITS) := std_logic_vector(sum);
      end loop;
    end loop;
    return result;
  end function added;

  -- Each line's sum on top of its bias (when it is the first) or of what it has so far.
  function accumulated(is_first : std_logic; biases, so_far, sums : std_logic_vector)
    return std_logic_vector is
    variable result : std_logic_vector(LINES * Y_BITS - 1 downto 0);
    variable base   : signed(Y_BITS - 1 downto 0);
    variable sum    : signed(Y_BITS - 1 downto 0);
  begin
    for l in 0 to LINES - 1 loop
      if is_first = '1' then
        base := signed(elem(biases, l mod TOGETHER, Y_BITS));
      else
        base := signed(elem(so_far, l, Y_BITS));
      end if;
      sum := base + signed(elem(sums, l, Y_BITS));
      result((l + 1) * Y_BITS - 1 downto l * Y_BITS) := std_logic_vector(sum);
    end loop;
    return result;
  end function accumulated;

  -- A finished group enters each row from above; the first group ends up below.
  function shifted_in(finished, so_far : std_logic_vector) return std_logic_vector is
    variable result : std_logic_vector(ROWS * OUTPUTS * Y_BITS - 1 downto 0);
    variable target : natural;
  begin
    for row in 0 to ROWS - 1 loop
      for o in 0 to OUTPUTS - 1 loop
        target := row * OUTPUTS + o;
        if o < OUTPUTS - TOGETHER then
          result((target + 1) * Y_BITS - 1 downto target * Y_BITS) := elem(so_far, target + TOGETHER, Y_BITS);
        else
          result((target + 1) * Y_BITS - 1 downto target * Y_BITS) :=
            elem(finished, row * TOGETHER + o - (OUTPUTS - TOGETHER), Y_BITS);
        end if;
      end loop;
    end loop;
    return result;
  end function shifted_in;

  constant LAST : positive := stage_of(LEVELS + 1);

  type operands_t is array (1 to ROM_CYCLES) of std_logic_vector(ROWS * TERMS * X_BITS - 1 downto 0);
  type groups_t is array (1 to LAST) of unsigned(GROUP_BITS - 1 downto 0);

  signal held      : std_logic_vector(x'length - 1 downto 0);
  signal operands  : operands_t;
  signal sums      : std_logic_vector(bits_before(LEVELS + 1) - 1 downto 0);
  signal total     : std_logic_vector(LINES * Y_BITS - 1 downto 0);
  signal so_far    : std_logic_vector(LINES * Y_BITS - 1 downto 0);

  -- Of the cycle in stage 1: its number, and its number within the group.
  signal phase     : unsigned(ADDRESS_BITS - 1 downto 0);
  signal turn      : unsigned(ADDRESS_BITS - 1 downto 0);

  -- Of the cycle in each stage: whether there is one, begins a group, ends a group; its group.
  signal works     : std_logic_vector(1 to LAST);
  signal begins    : std_logic_vector(1 to LAST);
  signal ends      : std_logic_vector(1 to LAST);
  signal in_group  : groups_t;

begin

  assert REGISTERS(REGISTERS'left) = '1'
    report "the products have registers"
    severity failure;

  count : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        works(1) <= '0';
      elsif ce = '1' then
        if start = '1' then
          works(1) <= '1';
        elsif phase = REUSE - 1 then
          works(1) <= '0';
        end if;
        if start = '1' or phase = REUSE - 1 then
          phase       <= (others => '0');
          turn        <= (others => '0');
          in_group(1) <= (others => '0');
        elsif works(1) = '1' then
          phase <= phase + 1;
          if turn = TURNS - 1 then
            turn        <= (others => '0');
            in_group(1) <= in_group(1) + 1;
          else
            turn <= turn + 1;
          end if;
        end if;
      end if;
    end if;
  end process count;

  begins(1) <= '1' when turn = 0 else '0';
  ends(1)   <= '1' when turn = TURNS - 1 else '0';

  follow : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        works(2 to LAST) <= (others => '0');
      elsif ce = '1' then
        works(2 to LAST)    <= works(1 to LAST - 1);
        begins(2 to LAST)   <= begins(1 to LAST - 1);
        ends(2 to LAST)     <= ends(1 to LAST - 1);
        in_group(2 to LAST) <= in_group(1 to LAST - 1);
      end if;
    end if;
  end process follow;

  address <= std_logic_vector(phase);
  reading <= works(1);
  group_n <= std_logic_vector(in_group(LAST - 1));

  hold : process (clk)
  begin
    if rising_edge(clk) then
      if ce = '1' then
        if start = '1' then
          held <= x;
        elsif works(1) = '1' then
          held <= rotated(held);
        end if;
        operands(1) <= front(held);
        for i in 2 to ROM_CYCLES loop
          operands(i) <= operands(i - 1);
        end loop;
      end if;
    end if;
  end process hold;

  multiply : process (clk)
  begin
    if rising_edge(clk) then
      if ce = '1' and works(1 + ROM_CYCLES) = '1' then
        sums(bits_before(1) - 1 downto 0) <= multiplied(operands(ROM_CYCLES), weights);
      end if;
    end if;
  end process multiply;

  tree : for level in 1 to LEVELS generate
    constant BELOW : natural := bits_before(level - 1);
    constant HERE  : natural := bits_before(level);
    constant ABOVE : natural := bits_before(level + 1);
  begin

    clocked : if REGISTERS(REGISTERS'left + level) = '1' generate
      add : process (clk)
      begin
        if rising_edge(clk) then
          if ce = '1' and works(stage_of(level)) = '1' then
            sums(ABOVE - 1 downto HERE) <= added(sums(HERE - 1 downto BELOW), left_after(level - 1));
          end if;
        end if;
      end process add;
    end generate clocked;

    direct : if REGISTERS(REGISTERS'left + level) /= '1' generate
      sums(ABOVE - 1 downto HERE) <= added(sums(HERE - 1 downto BELOW), left_after(level - 1));
    end generate direct;

  end generate tree;

  total <= accumulated(begins(LAST), bias, so_far, sums(sums'high downto bits_before(LEVELS)));

  accumulate : process (clk)
  begin
    if rising_edge(clk) then
      if ce = '1' and works(LAST) = '1' then
        so_far <= total;
      end if;
    end if;
  end process accumulate;

  one_group : if GROUPS = 1 generate
    y <= so_far;
  end generate one_group;

  several_groups : if GROUPS > 1 generate
    signal collected : std_logic_vector(y'length - 1 downto 0);
  begin

    collect : process (clk)
    begin
      if rising_edge(clk) then
        if ce = '1' and works(LAST) = '1' and ends(LAST) = '1' then
          collected <= shifted_in(total, collected);
        end if;
      end if;
    end process collect;

    y <= collected;

  end generate several_groups;

end architecture rtl;
