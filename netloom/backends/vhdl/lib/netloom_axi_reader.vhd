-- Weights from a memory outside, through an AXI4 read port, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- The memory holds WORDS words from BASE on. A word is PARTS beats of DATA_BITS bits, the first least
-- significant; bits above WORD_BITS are not read. The words are given in order, over and over. The rules are
-- those of the reader of `WeightedStage` in core/dataflow.py.
--
-- Requests are incrementing bursts of up to BURST beats. A burst is asked for when the buffer has room for all
-- of it, so rready is always high and no other port of the memory has to wait for this one. `failed` stays high
-- after a response with an error. After a reset in the middle of a burst the memory must be reset, too.

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_axi_reader is
  generic (
    BASE         : std_logic_vector(63 downto 0);  -- a multiple of 4096
    ADDRESS_BITS : positive range 12 to 64;
    DATA_BITS    : positive;          -- 32, 64, 128, 256, 512 or 1024
    WORDS        : positive;
    WORD_BITS    : positive;
    BURST        : positive;          -- a power of two; a burst is 4096 bytes at most
    DEPTH        : positive           -- beats of the buffer, BURST at least
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    araddr    : out std_logic_vector(ADDRESS_BITS - 1 downto 0);
    arlen     : out std_logic_vector(7 downto 0);
    arsize    : out std_logic_vector(2 downto 0);
    arburst   : out std_logic_vector(1 downto 0);
    arcache   : out std_logic_vector(3 downto 0);
    arprot    : out std_logic_vector(2 downto 0);
    arvalid   : out std_logic;
    arready   : in  std_logic;
    rdata     : in  std_logic_vector(DATA_BITS - 1 downto 0);
    rresp     : in  std_logic_vector(1 downto 0);
    rvalid    : in  std_logic;
    rready    : out std_logic;
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(WORD_BITS - 1 downto 0);
    failed    : out std_logic
  );
end entity netloom_axi_reader;

architecture rtl of netloom_axi_reader is

  constant PARTS : positive := (WORD_BITS + DATA_BITS - 1) / DATA_BITS;
  constant BEATS : positive := WORDS * PARTS;
  constant BYTES : positive := DATA_BITS / 8;
  -- Of each beat, what the buffer keeps.
  constant KEPT  : positive := minimum(DATA_BITS, WORD_BITS);

  function log2(value : positive) return natural is
    variable result : natural := 0;
  begin
    while 2 ** result < value loop
      result := result + 1;
    end loop;
    return result;
  end function log2;

  constant FIRST : unsigned(ADDRESS_BITS - 1 downto 0) := unsigned(BASE(ADDRESS_BITS - 1 downto 0));

  -- A request stands at the memory; where the next one begins; its beats.
  signal a        : std_logic := '0';
  signal place    : natural range 0 to BEATS - 1 := 0;
  signal address  : unsigned(ADDRESS_BITS - 1 downto 0) := FIRST;
  signal length   : positive range 1 to BURST;
  -- Beats asked for that have not left the buffer.
  signal reserved : natural range 0 to DEPTH := 0;
  signal go       : std_logic;
  signal used     : std_logic;

  signal held_valid : std_logic;
  signal held_ready : std_logic;
  signal held_data  : std_logic_vector(KEPT - 1 downto 0);

begin

  assert unsigned(BASE(11 downto 0)) = 0
    report "the base address is a multiple of 4096"
    severity failure;
  assert DEPTH >= BURST and BURST * BYTES <= 4096 and 2 ** log2(BURST) = BURST and 2 ** log2(BYTES) = BYTES
    report "a burst fits the buffer and 4096 bytes, and both are powers of two"
    severity failure;

  arvalid <= a;
  arsize  <= std_logic_vector(to_unsigned(log2(BYTES), 3));
  arburst <= "01";
  arcache <= "0011";
  arprot  <= "000";
  rready  <= '1';

  length <= BURST when BEATS - place > BURST else BEATS - place;
  go     <= '1' when (a = '0' or arready = '1') and reserved + length <= DEPTH else '0';
  used   <= held_valid and held_ready;

  ask : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        a       <= '0';
        place   <= 0;
        address <= FIRST;
      elsif go = '1' then
        a <= '1';
        if BEATS - place > BURST then
          place   <= place + BURST;
          address <= address + BURST * BYTES;
        else
          place   <= 0;
          address <= FIRST;
        end if;
      elsif arready = '1' then
        a <= '0';
      end if;
      if go = '1' then
        araddr <= std_logic_vector(address);
        arlen  <= std_logic_vector(to_unsigned(length - 1, 8));
      end if;
    end if;
  end process ask;

  reserve : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        reserved <= 0;
      elsif go = '1' and used = '1' then
        reserved <= reserved + length - 1;
      elsif go = '1' then
        reserved <= reserved + length;
      elsif used = '1' then
        reserved <= reserved - 1;
      end if;
    end if;
  end process reserve;

  watch : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        failed <= '0';
      elsif rvalid = '1' and rresp(1) = '1' then
        failed <= '1';
      end if;
    end if;
  end process watch;

  hold : entity work.netloom_fifo
    generic map (
      WIDTH => KEPT,
      DEPTH => DEPTH
    )
    port map (
      clk       => clk,
      rst       => rst,
      in_valid  => rvalid,
      in_ready  => open,
      in_data   => rdata(KEPT - 1 downto 0),
      out_valid => held_valid,
      out_ready => held_ready,
      out_data  => held_data
    );

  whole : if PARTS = 1 generate
    out_valid  <= held_valid;
    held_ready <= out_ready;
    out_data   <= held_data;
  end generate whole;

  in_parts : if PARTS > 1 generate
    signal gathered : std_logic_vector(PARTS * KEPT - 1 downto 0);
  begin

    gather : entity work.netloom_collect
      generic map (
        BEATS => PARTS,
        WIDTH => KEPT
      )
      port map (
        clk       => clk,
        rst       => rst,
        in_valid  => held_valid,
        in_ready  => held_ready,
        in_data   => held_data,
        out_valid => out_valid,
        out_ready => out_ready,
        out_data  => gathered
      );

    out_data <= gathered(WORD_BITS - 1 downto 0);

  end generate in_parts;

end architecture rtl;
