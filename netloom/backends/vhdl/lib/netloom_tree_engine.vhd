-- Walks decision trees whose nodes stand in a memory, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- A reference is a flag (most significant: a leaf) and the number of a node or of a leaf. A word of the
-- memory of nodes is, from its least significant bit on: the reference of the left child, that of the right
-- child, the threshold, the feature. A walk goes left where x(feature) < threshold. The root of tree t is
-- node t. A word of the memory of leaves is the leaf's value for each of the OUTPUTS, or with CLASS_BITS its
-- one value and, above it, the number of the output that it is added to.
--
-- One node is read in every cycle. A walk reads one every STEP = 1 + BLOCK_NODES + SELECT_REGISTER cycles,
-- so that STEP walks are under way by turns. In the cycle of a walk's first node `begins_walk` is set; the
-- root's number is at `root` then. STEP cycles after that of its last node its leaf is read, and
-- 1 + BLOCK_LEAVES cycles later, when `takes` is set, added to `y`, modulo 2**Y_BITS; with `begins` to
-- `start_y` in place of `y`.
--
-- Words are written in any cycle, also without ce.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

use work.netloom_fx.all;

entity netloom_tree_engine is
  generic (
    FEATURES        : positive;
    FEATURE_BITS    : positive;
    X_BITS          : positive;
    X_SIGNED        : boolean;
    OUTPUTS         : positive;
    CLASS_BITS      : natural;           -- 0: a leaf has a value for each output
    Y_BITS          : positive;
    NODE_BITS       : positive;          -- there are 2**NODE_BITS nodes
    LEAF_BITS       : positive;
    BLOCK_NODES     : boolean;           -- whether the memory of nodes is block RAM, with a register of its own
    BLOCK_LEAVES    : boolean;
    SELECT_REGISTER : boolean;           -- whether a register stands in front of the comparison
    NODES           : std_logic_vector;  -- first contents, word 0 in the least significant bits
    LEAVES          : std_logic_vector
  );
  port (
    clk           : in  std_logic;
    ce            : in  std_logic;
    x             : in  std_logic_vector(FEATURES * X_BITS - 1 downto 0);
    begins_walk   : in  std_logic;
    root          : in  std_logic_vector(NODE_BITS - 1 downto 0);
    takes         : in  std_logic;
    begins        : in  std_logic;
    start_y       : in  std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);
    y             : out std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);
    write_node    : in  std_logic;
    write_leaf    : in  std_logic;
    write_address : in  std_logic_vector(maximum(NODE_BITS, LEAF_BITS) - 1 downto 0);
    write_data    : in  std_logic_vector
  );
end entity netloom_tree_engine;

architecture rtl of netloom_tree_engine is

  constant INDEX_BITS : positive := maximum(NODE_BITS, LEAF_BITS);
  constant REF_BITS   : positive := 1 + INDEX_BITS;
  constant NODE_WORD  : positive := FEATURE_BITS + X_BITS + 2 * REF_BITS;
  constant LEAF_WORD  : positive := LEAVES'length / 2 ** LEAF_BITS;
  constant STEP       : positive := 1 + boolean'pos(BLOCK_NODES) + boolean'pos(SELECT_REGISTER);

  -- One of 2**FEATURE_BITS elements, by halves.
  function chosen(v : std_logic_vector; number : std_logic_vector(FEATURE_BITS - 1 downto 0))
    return std_logic_vector is
    variable rest : std_logic_vector(2 ** FEATURE_BITS * X_BITS - 1 downto 0) := (others => '0');
    variable half : positive;
  begin
    rest(v'length - 1 downto 0) := v;
    for b in FEATURE_BITS - 1 downto 0 loop
      half := 2 ** b * X_BITS;
      if number(b) = '1' then
        rest(half - 1 downto 0) := rest(2 * half - 1 downto half);
      end if;
    end loop;
    return rest(X_BITS - 1 downto 0);
  end function chosen;

  function is_less(a, b : std_logic_vector(X_BITS - 1 downto 0)) return boolean is
  begin
    if X_SIGNED then
      return signed(a) < signed(b);
    end if;
    return unsigned(a) < unsigned(b);
  end function is_less;

  function style(in_block : boolean) return string is
  begin
    if in_block then
      return "block";
    end if;
    return "distributed";
  end function style;

  -- Sums with a leaf added, which has a value for each or one for one of them.
  function added(so_far, leaf : std_logic_vector) return std_logic_vector is
    alias    word   : std_logic_vector(leaf'length - 1 downto 0) is leaf;
    variable result : std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);
    variable before : unsigned(Y_BITS - 1 downto 0);
  begin
    result := so_far;
    if CLASS_BITS = 0 then
      for k in 0 to OUTPUTS - 1 loop
        before := unsigned(elem(so_far, k, Y_BITS)) + unsigned(elem(word, k, Y_BITS));
        result((k + 1) * Y_BITS - 1 downto k * Y_BITS) := std_logic_vector(before);
      end loop;
      return result;
    end if;
    -- One adder, behind a selector.
    before := unsigned(elem(so_far, 0, Y_BITS));
    for k in 1 to OUTPUTS - 1 loop
      if unsigned(word(word'high downto Y_BITS)) = k then
        before := unsigned(elem(so_far, k, Y_BITS));
      end if;
    end loop;
    before := before + unsigned(word(Y_BITS - 1 downto 0));
    for k in 0 to OUTPUTS - 1 loop
      if unsigned(word(word'high downto Y_BITS)) = k then
        result((k + 1) * Y_BITS - 1 downto k * Y_BITS) := std_logic_vector(before);
      end if;
    end loop;
    return result;
  end function added;

  type nodes_t is array (2 ** NODE_BITS - 1 downto 0) of std_logic_vector(NODE_WORD - 1 downto 0);
  type leaves_t is array (2 ** LEAF_BITS - 1 downto 0) of std_logic_vector(LEAF_WORD - 1 downto 0);
  type refs_t is array (0 to STEP) of std_logic_vector(REF_BITS - 1 downto 0);

  function first_nodes return nodes_t is
    variable result : nodes_t;
  begin
    for i in result'range loop
      result(i) := elem(NODES, i, NODE_WORD);
    end loop;
    return result;
  end function first_nodes;

  function first_leaves return leaves_t is
    variable result : leaves_t;
  begin
    for i in result'range loop
      result(i) := elem(LEAVES, i, LEAF_WORD);
    end loop;
    return result;
  end function first_leaves;

  attribute ram_style : string;

  -- Where the walk of each of the last cycles is; 0 is the one that reads a node now.
  signal refs      : refs_t;
  signal next_ref  : std_logic_vector(REF_BITS - 1 downto 0);
  signal read_node : std_logic_vector(NODE_WORD - 1 downto 0);
  signal node      : std_logic_vector(NODE_WORD - 1 downto 0);
  signal value     : std_logic_vector(X_BITS - 1 downto 0);
  signal compared  : std_logic_vector(X_BITS - 1 downto 0);
  signal decided   : std_logic_vector(X_BITS + 2 * REF_BITS - 1 downto 0);
  signal read_leaf : std_logic_vector(LEAF_WORD - 1 downto 0);
  signal leaf      : std_logic_vector(LEAF_WORD - 1 downto 0);
  signal before    : std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);
  signal sums      : std_logic_vector(OUTPUTS * Y_BITS - 1 downto 0);

begin

  next_node : process (all)
  begin
    refs(0) <= next_ref;
    if begins_walk = '1' then
      refs(0)                         <= (others => '0');
      refs(0)(NODE_BITS - 1 downto 0) <= root;
    end if;
  end process next_node;

  follow : process (clk)
  begin
    if rising_edge(clk) then
      if ce = '1' then
        refs(1 to STEP) <= refs(0 to STEP - 1);
      end if;
    end if;
  end process follow;

  -- Memories are variables: a simulator needs far less time and space for them.

  node_memory : process (clk)
    variable memory : nodes_t := first_nodes;
    attribute ram_style of memory : variable is style(BLOCK_NODES);
  begin
    if rising_edge(clk) then
      if ce = '1' then
        read_node <= memory(to_integer(unsigned(refs(0)(NODE_BITS - 1 downto 0))));
      end if;
      if write_node = '1' then
        memory(to_integer(unsigned(write_address(NODE_BITS - 1 downto 0)))) := write_data(NODE_WORD - 1 downto 0);
      end if;
    end if;
  end process node_memory;

  node_register : if BLOCK_NODES generate
    hold : process (clk)
    begin
      if rising_edge(clk) then
        if ce = '1' then
          node <= read_node;
        end if;
      end if;
    end process hold;
  end generate node_register;

  node_wires : if not BLOCK_NODES generate
    node <= read_node;
  end generate node_wires;

  value <= chosen(x, node(NODE_WORD - 1 downto NODE_WORD - FEATURE_BITS));

  value_register : if SELECT_REGISTER generate
    hold : process (clk)
    begin
      if rising_edge(clk) then
        if ce = '1' then
          compared <= value;
          decided  <= node(decided'range);
        end if;
      end if;
    end process hold;
  end generate value_register;

  value_wires : if not SELECT_REGISTER generate
    compared <= value;
    decided  <= node(decided'range);
  end generate value_wires;

  decide : process (all)
  begin
    if refs(STEP)(INDEX_BITS) = '1' then
      next_ref <= refs(STEP);
    elsif is_less(compared, decided(X_BITS + 2 * REF_BITS - 1 downto 2 * REF_BITS)) then
      next_ref <= decided(REF_BITS - 1 downto 0);
    else
      next_ref <= decided(2 * REF_BITS - 1 downto REF_BITS);
    end if;
  end process decide;

  leaf_memory : process (clk)
    variable memory : leaves_t := first_leaves;
    attribute ram_style of memory : variable is style(BLOCK_LEAVES);
  begin
    if rising_edge(clk) then
      if ce = '1' then
        read_leaf <= memory(to_integer(unsigned(next_ref(LEAF_BITS - 1 downto 0))));
      end if;
      if write_leaf = '1' then
        memory(to_integer(unsigned(write_address(LEAF_BITS - 1 downto 0)))) := write_data(LEAF_WORD - 1 downto 0);
      end if;
    end if;
  end process leaf_memory;

  leaf_register : if BLOCK_LEAVES generate
    hold : process (clk)
    begin
      if rising_edge(clk) then
        if ce = '1' then
          leaf <= read_leaf;
        end if;
      end if;
    end process hold;
  end generate leaf_register;

  leaf_wires : if not BLOCK_LEAVES generate
    leaf <= read_leaf;
  end generate leaf_wires;

  before <= start_y when begins = '1' else sums;

  accumulate : process (clk)
  begin
    if rising_edge(clk) then
      if ce = '1' and takes = '1' then
        sums <= added(before, leaf);
      end if;
    end if;
  end process accumulate;

  y <= sums;

end architecture rtl;
